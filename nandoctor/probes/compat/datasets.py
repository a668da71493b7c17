"""What a tf.data data set is made of: TensorFlow keeps it in private attributes."""

from __future__ import annotations

from typing import Any, Literal

import tensorflow as tf

PASSING_ON = ("Prefetch", "Shuffle", "Repeat", "Cache", "Options", "AssertCardinality", "Rebatch", "AutoShard")


def from_source(dataset: Any) -> list[Any]:
    """The data sets of a pipeline, its source first; cut off at one that is made of several."""
    found = [getattr(dataset, "_dataset", dataset)]
    while len(found[-1]._inputs()) == 1:
        found.append(getattr(found[-1]._inputs()[0], "_dataset", found[-1]._inputs()[0]))
    return found[::-1]


def passes_on(dataset: Any) -> bool:
    """Whether the data set gives the elements of the one before it as they are, in whatever order."""
    name = type(dataset).__name__.strip("_")
    return name.removesuffix("Dataset") in PASSING_ON


def shuffles(dataset: Any) -> bool:
    """Whether the data set changes the order of the elements."""
    return "Shuffle" in type(dataset).__name__


def mapped_by(dataset: Any) -> Any:
    """The concrete function of a `map`, from flat tensors to flat tensors; None for any other data set."""
    is_map = type(dataset).__name__.strip("_") in ("MapDataset", "ParallelMapDataset")
    return dataset._map_func.function if is_map else None


def filtered_by(dataset: Any) -> Any:
    """The predicate of a `filter`, as `mapped_by`."""
    return dataset._predicate.function if type(dataset).__name__.strip("_") == "FilterDataset" else None


def batched_by(dataset: Any) -> int | None:
    """The size of the batches of a `batch`, None for any other data set."""
    is_batch = type(dataset).__name__.strip("_") in ("BatchDataset", "ParallelBatchDataset")
    return int(dataset._batch_size) if is_batch else None


def cut_by(dataset: Any) -> tuple[str, int] | None:
    """`("take", n)` or `("skip", n)`, None for any other data set."""
    name = type(dataset).__name__.strip("_")
    return (name[:4].lower(), int(dataset._count)) if name in ("TakeDataset", "SkipDataset") else None


def sliced_tensors(dataset: Any) -> list[Any] | None:
    """The whole tensors of `from_tensor_slices`, flat; None for any other data set or what is not dense."""
    if type(dataset).__name__.strip("_") != "TensorSliceDataset":
        return None
    tensors = list(dataset._tensors)
    return tensors if all(isinstance(one, tf.Tensor) for one in tensors) else None


def files_of(dataset: Any) -> list[str]:
    """The names of the files that a source reads; empty where it does not tell."""
    names = getattr(dataset, "_filenames", None)
    if names is None:
        return []
    if isinstance(names, tf.data.Dataset):
        tensors = sliced_tensors(from_source(names)[0]) or []
        return [name.decode() for tensor in tensors for name in tensor.numpy().ravel().tolist()]
    return [name.decode() for name in tf.reshape(names, [-1]).numpy().tolist()]


def layout_of(dataset: Any) -> Literal["lines", "records", "records below a header"] | None:
    """How the rows of a source stand in its text files; None for any other data set, or compressed files."""
    name = type(dataset).__name__.strip("_")
    compression = getattr(dataset, "_compression_type", None)
    if compression is not None and tf.get_static_value(compression) not in (b"", None):
        return None
    if name.startswith("TextLineDataset"):
        return "lines"
    if name.startswith("CsvDataset"):
        return "records below a header" if bool(tf.get_static_value(dataset._header)) else "records"
    return None


def csv_reader(dataset: Any, files: list[str]) -> Any:
    """The rows of all `files` in order, read as `make_csv_dataset` reads each of them; None where it does not."""
    function = opened_function(dataset)
    operations = function.graph.get_operations() if function is not None else []
    for op in operations:
        if op.type == "CSVDatasetV2":
            values = [tf.get_static_value(tensor) for tensor in op.inputs]
            defaults = [
                tf.constant(value, tensor.dtype) for value, tensor in zip(values[8:-1], op.inputs[8:-1], strict=True)
            ]
            return tf.data.experimental.CsvDataset(
                files,
                [one.dtype if not one.shape[0] else one for one in defaults],
                compression_type=values[1].item().decode() or None,
                header=bool(values[3]),
                field_delim=values[4].item().decode(),
                use_quote_delim=bool(values[5]),
                na_value=values[6].item().decode(),
                select_cols=values[7].tolist() or None,
            )
    return None


def is_source(dataset: Any) -> bool:
    """Whether the data set is made of no other."""
    return not dataset._inputs()


def opened_function(dataset: Any) -> Any:
    """The function by which a data set makes another one of each element (flat_map, interleave); None without one."""
    return getattr(getattr(dataset, "_map_func", None), "function", None)
