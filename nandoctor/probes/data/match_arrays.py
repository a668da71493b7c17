"""Matching the arrays of an .npz or .npy file to a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError
from nandoctor.probes.data.bind import bind, bind_ragged, fits, same_rows, unmatched, used_names
from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.fit import numeric
from nandoctor.probes.data.matched import Binding, Matched, WantedInput
from nandoctor.probes.data.names import INPUT_NAMES, POSITIONAL_NAMES, conventional, part_of_data, same_name
from nandoctor.probes.data.ragged import Ragged
from nandoctor.probes.data.targets import asked_labels, conventional_labels
from nandoctor.stats import Array
from nandoctor.wording import listing


def match_arrays(data: DataSet, inputs: Sequence[WantedInput], outputs: Sequence[str], labels: str | None) -> Matched:
    """Arrays by input and output, as `match` describes."""
    asked = _asked(data, outputs, labels)
    chosen, notes = _one_part(data, inputs, asked)
    bindings: list[Binding] = []
    wanted: list[WantedInput] = []
    for one in inputs:
        ragged = _ragged_parts(data.arrays, one) if one.ragged else None
        if ragged is None:
            wanted.append(one)
            continue
        name, value, parts = ragged
        binding, said = bind_ragged(name, value, one)
        bindings.append(binding)
        notes.extend(said)
        chosen = {key: array for key, array in chosen.items() if key not in parts}
    candidates = {name: array for name, array in chosen.items() if name not in asked.values()}
    by_input = _arrays_by_input(data, wanted, outputs, candidates)
    for one in wanted:
        binding, said = bind(by_input[one.name], data.arrays[by_input[one.name]], one)
        bindings.append(binding)
        notes.extend(said)
    left = [name for name in candidates if name not in by_input.values()]
    by_output = asked or _guessed_labels(data, inputs, outputs, left, by_input)
    targets = tuple(Binding(name, output, data.arrays[name], data.arrays[name]) for output, name in by_output.items())
    if targets and not labels:
        named = ", ".join(f"{target.name} for the output {target.bound_to}" for target in targets)
        notes.append(f"Labels, by their names: {named}.")
    used = used_names([*bindings, *targets], data.arrays)
    for one in inputs:
        ragged = _ragged_parts(data.arrays, one) if one.ragged else None
        used |= set(ragged[2]) if ragged else set()
    unused = tuple(name for name in data.arrays if name not in used)
    if unused:
        notes.append(f"Arrays that feed nothing: {listing(unused)}.")
    return Matched(same_rows([*bindings, *targets]), tuple(bindings), targets, tuple(notes), unused)


def _asked(data: DataSet, outputs: Sequence[str], labels: str | None) -> dict[str, str]:
    """The label's name by output, as the user asked; each must be an array of numbers."""
    if labels is None:
        return {}
    asked = asked_labels(labels, outputs, list(data.arrays), str(data.path))
    for output, names in asked.items():
        if len(names) > 1:
            raise NandoctorError(
                f"--labels {labels}: the output {output} takes one array, not {listing(list(names))}", USAGE
            )
        array = data.arrays[names[0]]
        if not array.ndim or not numeric(array):
            raise NandoctorError(
                f"--labels {names[0]}: an array {array.shape} of {array.dtype}; labels must be numbers, one row each",
                UNEXAMINABLE,
            )
    return {output: names[0] for output, names in asked.items()}


def _one_part(
    data: DataSet, inputs: Sequence[WantedInput], asked: Mapping[str, str]
) -> tuple[dict[str, Array], list[str]]:
    """The arrays of one part of the data where the file holds train and test, and a sentence about it."""
    arrays = {name: array for name, array in data.arrays.items() if array.ndim}
    own = {name for one in inputs if (name := same_name(one.name, arrays)) is not None}
    parts = {name: part_of_data(name)[1] for name in arrays if name not in own}
    if not {"train", "held-out"} <= set(parts.values()):
        return arrays, []
    keep = "held-out" if any(parts.get(name) == "held-out" for name in asked.values()) else "train"
    left_out = [name for name, part in parts.items() if part not in (None, keep)]
    used = [name for name, part in parts.items() if part == keep]
    note = f"Of several sets of rows {listing(used)} were examined; {listing(left_out)} were left out."
    return {name: array for name, array in arrays.items() if name not in left_out}, [note]


def _arrays_by_input(
    data: DataSet, inputs: Sequence[WantedInput], outputs: Sequence[str], candidates: Mapping[str, Array]
) -> dict[str, str]:
    """The name of the array for each input; NandoctorError (exit code 3) where one has none."""
    by_base = {part_of_data(name)[0]: name for name in candidates}
    found: dict[str, str] = {}
    for one in inputs:
        name = same_name(one.name, candidates)
        if name is None and (base := same_name(one.name, by_base)) is not None:
            name = by_base[base]
        if name is not None and name not in found.values():
            found[one.name] = name
    missing = [one for one in inputs if one.name not in found]
    free = [name for name in candidates if name not in found.values()]
    if len(inputs) == 1 and missing:
        only = free[0] if len(free) == 1 else conventional(free, INPUT_NAMES)
        if only is not None:
            return {missing[0].name: only}
    reserved = set(conventional_labels(outputs, free).values())
    return found | _by_shape(data, missing, {name: candidates[name] for name in free if name not in reserved}, inputs)


def _by_shape(
    data: DataSet, missing: Sequence[WantedInput], free: Mapping[str, Array], inputs: Sequence[WantedInput]
) -> dict[str, str]:
    """The one array that fits each input, inputs that leave no choice first; NandoctorError where there is a choice."""
    found: dict[str, str] = {}
    while len(found) < len(missing):
        fitting = {
            one.name: [name for name, array in free.items() if name not in found.values() and fits(array, one)]
            for one in missing
            if one.name not in found
        }
        for wanted, names in fitting.items():
            if not names:
                raise unmatched(data, inputs, f"nothing fits the input {wanted}")
        sure = {wanted: names[0] for wanted, names in fitting.items() if len(names) == 1}
        if not sure or len(set(sure.values())) < len(sure):
            wanted, names = next(iter(fitting.items()))
            raise unmatched(data, inputs, f"the input {wanted} could be {listing(names)}; name the array {wanted}")
        found |= sure
    return found


def _guessed_labels(
    data: DataSet,
    inputs: Sequence[WantedInput],
    outputs: Sequence[str],
    left: Sequence[str],
    by_input: Mapping[str, str],
) -> dict[str, str]:
    """The labels that the names tell, of those that are numbers; `arr_0, arr_1` are x and y."""
    usable = [name for name in left if data.arrays[name].ndim and numeric(data.arrays[name])]
    guessed = dict(conventional_labels(outputs, usable))
    first, second = POSITIONAL_NAMES
    positional = tuple(data.arrays) == POSITIONAL_NAMES and list(by_input.values()) == [first]
    if not guessed and positional and len(inputs) == len(outputs) == 1 and second in usable:
        return {outputs[0]: second}
    return guessed


def _ragged_parts(arrays: Mapping[str, Array], wanted: WantedInput) -> tuple[str, Ragged, tuple[str, str]] | None:
    """Flat values and row splits (or row lengths) of a ragged input, where the file has both."""
    values = same_name(f"{wanted.name}_values", arrays)
    splits = same_name(f"{wanted.name}_row_splits", arrays)
    lengths = same_name(f"{wanted.name}_row_lengths", arrays)
    key = splits or lengths
    if values is None or key is None:
        return None
    marks = arrays[key]
    if marks.ndim != 1 or marks.dtype.kind not in "iu":
        raise NandoctorError(f"array {key} must be whole numbers, one axis; it is {marks.shape} {marks.dtype}")
    row_splits = marks.astype(np.int64)
    if splits is None:
        row_splits = np.concatenate([[0], np.cumsum(row_splits)]).astype(np.int64)
    flat = arrays[values]
    ordered = len(row_splits) > 0 and row_splits[0] == 0 and not (np.diff(row_splits) < 0).any()
    if not flat.ndim or not ordered or row_splits[-1] != len(flat):
        raise NandoctorError(
            f"array {key} does not cut {values} {flat.shape} into rows: row splits go up from 0 to {len(flat)}",
            UNEXAMINABLE,
        )
    return values, Ragged(flat, row_splits), (values, key)
