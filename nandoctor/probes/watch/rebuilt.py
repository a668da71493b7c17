"""The data set that `fit` was given, built once more: in the order of its source, with the number of each row.

The user's own data set is left alone: iterating it would move its shuffles on, and a training that goes on would get
other batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import tensorflow as tf

from nandoctor.probes.compat.datasets import (
    batched_by,
    csv_reader,
    cut_by,
    files_of,
    filtered_by,
    from_source,
    is_source,
    layout_of,
    mapped_by,
    opened_function,
    passes_on,
    shuffles,
    sliced_tensors,
)
from nandoctor.probes.compat.graphs import python_graphs

Layout = Literal["lines", "records", "records below a header"]
PYTHON = {"PyFunc", "EagerPyFunc", "PyFuncStateless", "NumpyFunction"}
CHANGING = {
    "GeneratorDataset",
    "AssignVariableOp",
    "AssignAddVariableOp",
    "AssignSubVariableOp",
    "RngReadAndSkip",
    "StatefulUniform",
}


@dataclass(frozen=True)
class Stage:
    """One step of the pipeline: a `function` that maps or filters, batches of `size`, the first `size` or the rest."""

    kind: Literal["map", "filter", "batch", "take", "skip"]
    function: Any = None
    size: int = 0

    @property
    def runs_python(self) -> bool:
        """Whether its function calls Python."""
        return bool(PYTHON & self._op_types)

    @property
    def changes(self) -> bool:
        """Whether its function changes something outside of itself that can be seen."""
        return bool(CHANGING & self._op_types)

    @property
    def _op_types(self) -> set[str]:
        graphs = [] if self.function is None else python_graphs(self.function.graph)
        return {op.type for graph in graphs for op in graph.get_operations()}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline as far as it can be built again.

    `source` is what it reads, in words, `files` their names, `tensors` the whole arrays of `from_tensor_slices`. `base`
    gives the elements of the source in order (None where they cannot be had), `stages` what is done to them. `stopped`
    names the first part that is not known how to build. With `python` functions of the user's own may be called again.
    """

    source: str
    base: Any
    stages: tuple[Stage, ...]
    files: tuple[str, ...] = ()
    tensors: tuple[Any, ...] = ()
    stopped: str | None = None
    python: bool = False

    @property
    def layout(self) -> Layout | None:
        """How the rows of the source stand in its text files, None where it reads none."""
        return layout_of(self.base) if self.files and self.base is not None else None

    @property
    def maps(self) -> tuple[int, ...]:
        """The places of the maps among the stages."""
        return tuple(place for place, stage in enumerate(self.stages) if stage.kind == "map")

    def runnable(self, stages: int) -> bool:
        """Whether the first so many stages can be run again."""
        wanted = self.stages[:stages]
        unfit = any(stage.changes or (stage.runs_python and not self.python) for stage in wanted)
        return self.base is not None and not unfit

    def elements(self, stages: int) -> Any:
        """A data set of (row number or numbers, flat values ...) after the first so many stages."""
        numbered = self.base.enumerate().map(lambda row, element: (row, *_flat(element)))
        for stage in self.stages[:stages]:
            numbered = _applied(numbered, stage)
        return numbered


def pipeline_of(dataset: Any, whom: str = "given to fit", *, python: bool = False) -> Pipeline:
    """The pipeline behind a tf.data data set; `whom` says in words to whom that was given.

    With `python` the functions in it that call Python may be called again.
    """
    chain = from_source(dataset)
    tensors, files = sliced_tensors(chain[0]), files_of(chain[0])
    base, rest, source = chain[0], chain[1:], f"a {type(chain[0]).__name__.strip('_')}"
    if files:
        source = files[0] if len(files) == 1 else f"{len(files)} files"
    elif tensors is not None:
        source = f"the arrays of the data set {whom}"
        base = tf.data.Dataset.from_tensor_slices(tuple(tensors))
        names = [_texts(tensor) for tensor in tensors]
        for place, one in enumerate(rest):
            reader = csv_reader(one, names[0]) if len(names) == 1 and names[0] else None
            if reader is not None:
                files, tensors, base, rest = names[0], None, reader, rest[place + 1 :]
                source = files[0] if len(files) == 1 else f"{len(files)} files"
                break
    if not is_source(chain[0]) or _makes_python(chain):
        base, source = None, "Python code" if _makes_python(chain) else "several data sets"
    stages, stopped = _stages(rest)
    return Pipeline(source, base, tuple(stages), tuple(files), tuple(tensors or ()), stopped, python)


def _stages(rest: list[Any]) -> tuple[list[Stage], str | None]:
    stages: list[Stage] = []
    shuffled = False
    for one in rest:
        cut = cut_by(one)
        size = batched_by(one)
        if mapped_by(one) is not None:
            stages.append(Stage("map", mapped_by(one)))
        elif filtered_by(one) is not None:
            stages.append(Stage("filter", filtered_by(one)))
        elif size is not None:
            stages.append(Stage("batch", size=size))
        elif cut is not None:
            if not shuffled:
                stages.append(Stage("take" if cut[0] == "take" else "skip", size=cut[1]))
        elif not passes_on(one):
            return stages, type(one).__name__.strip("_")
        shuffled = shuffled or shuffles(one)
    return stages, None


def _applied(numbered: Any, stage: Stage) -> Any:
    function = stage.function
    if stage.kind == "map":
        return numbered.map(lambda row, *values: (row, *_flat(function(*values))))
    if stage.kind == "filter":
        return numbered.filter(lambda _row, *values: _flat(function(*values))[0])
    if stage.kind == "batch":
        return numbered.batch(stage.size)
    return numbered.take(stage.size) if stage.kind == "take" else numbered.skip(stage.size)


def _flat(values: Any) -> list[Any]:
    return list(tf.nest.flatten(values, expand_composites=True))


def _texts(tensor: Any) -> list[str]:
    """The texts of a tensor with one axis (the names of files, it may be); empty for numbers."""
    if tensor.dtype != tf.string or tensor.shape.rank != 1:
        return []
    return [text.decode(errors="replace") for text in tensor.numpy().tolist()]


def _makes_python(chain: list[Any]) -> bool:
    """Whether the elements come out of a Python generator."""
    for one in chain:
        function = opened_function(one)
        if function is not None and any(op.type == "GeneratorDataset" for op in function.graph.get_operations()):
            return True
    return False
