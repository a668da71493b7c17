"""The capsule: a folder with everything that it takes to replay a failing step, elsewhere and later.

It holds no environment variables and no command line. What is read is not trusted: no file outside of the folder is
opened, nothing is unpickled, and sizes are checked before anything is loaded. TensorFlow is not needed here.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts import Facts, TripFacts
from nandoctor.facts.store import dump_facts, parse_facts
from nandoctor.probes.watch.arrays import bytes_of, dtype_name, read_arrays, write_arrays
from nandoctor.probes.watch.capture import Fed, Held, StepCapture, fed_batch
from nandoctor.probes.watch.folder import UNFINISHED, whole_folder
from nandoctor.probes.watch.manifest import (
    SCHEMA_VERSION,
    FedArray,
    HeldArray,
    LeftOut,
    Manifest,
    Role,
    dump_manifest,
    parse_manifest,
)
from nandoctor.probes.watch.readme import readme
from nandoctor.stats import Array
from nandoctor.wording import listing

LIMIT = 2_000_000_000
MOST_READ = 64_000_000_000
MOST_TEXT = 256_000_000
MANIFEST, GRAPH, FACTS = "manifest.json", "step.graphdef", "facts.json"
BATCH, STATE, WEIGHTS, SLOTS = "batch.npz", "state.npz", "weights.npz", "optimizer.npz"
OF_BATCH = ("input", "label")
_CONTROL = re.compile("[\x7f-\x9f]")
# Written in JSON as \u and four digits, unless the backslash is itself escaped; \t and \n are written otherwise.
_ESCAPED_CONTROL = re.compile(r"(?<!\\)((?:\\\\)*)\\u00(?:[01][0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])")
MINIMAL, LAST_GOOD, README = "minimal-rows.npz", "last-good.weights.h5", "README.txt"


@dataclass(frozen=True)
class Keeping:
    """What a capsule keeps beside the step, to resume the training.

    `save_weights(path)` writes the last good weights as `model.load_weights` reads them; None where there is no Keras
    model, or where the weights are not good any more: `no_weights` then says why. `slots` are the optimizer's
    variables.
    """

    save_weights: Callable[[Path], None] | None = None
    no_weights: str = "no Keras model is known"
    slots: Mapping[str, Array] | None = None


@dataclass(frozen=True)
class Capsule:
    """A capsule that was read: the step, what was known at the trip, when it was written, and what is not in it."""

    capture: StepCapture
    facts: Facts
    written: str
    left_out: tuple[LeftOut, ...]


def capsule_name(trip: TripFacts, now: datetime | None = None) -> str:
    """The name of a new capsule: date, time and step, or the batch of an evaluation."""
    what = f"step-{trip.step}" if trip.kind != "evaluation" else f"{trip.way}-batch-{trip.batch}"
    return f"{now or datetime.now():%Y-%m-%dT%H-%M-%S}-{what}"


def write_capsule(
    wanted: Path, capture: StepCapture, facts: Facts, keeping: Keeping = Keeping(), *, limit: int = LIMIT
) -> Path:
    """Write the capsule, whole or not at all, and return its folder: `wanted`, or with a number where that is taken.

    Above `limit` bytes parts are left out, those that matter least first; the manifest and the README say which.
    NandoctorError (exit code 3) where it cannot be written.
    """
    try:
        with whole_folder(wanted) as (folder, place):
            budget = _Budget(folder, limit)
            _write_parts(budget, capture, facts, keeping)
            _write_texts(budget, place, capture, facts)
    except OSError as error:
        message = f"{wanted}: the capsule cannot be written: {error.strerror or error}"
        raise NandoctorError(message, UNEXAMINABLE) from error
    return place


def _write_parts(budget: _Budget, capture: StepCapture, facts: Facts, keeping: Keeping) -> None:
    fed = _keys(capture.fed)
    budget.add(GRAPH, capture.graph)
    budget.add_arrays(BATCH, {key: one.value for key, one in fed.items() if one.role in OF_BATCH})
    budget.add(FACTS, dump_facts(facts).encode())
    budget.add_arrays(STATE, {key: one.value for key, one in fed.items() if one.role not in OF_BATCH})
    budget.add_arrays(WEIGHTS, {f"variable_{place}": one.value for place, one in enumerate(capture.held)})
    if keeping.save_weights is None:
        budget.left_out.append(LeftOut(LAST_GOOD, 0, keeping.no_weights))
    else:
        budget.add_with(LAST_GOOD, sum(one.value.nbytes for one in capture.held), keeping.save_weights)
    if keeping.slots:
        budget.add_arrays(SLOTS, keeping.slots)


def _write_texts(budget: _Budget, place: Path, capture: StepCapture, facts: Facts) -> None:
    left_out = tuple(budget.left_out)
    (budget.folder / README).write_text(readme(place, facts, left_out), encoding="utf-8")
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        written=datetime.now(UTC).isoformat(timespec="seconds"),
        tool=facts.tool,
        digests=budget.digests,
        fed=tuple(
            FedArray(key, dtype_name(one.value), one.name, one.tensor, cast(Role, one.role))
            for key, one in _keys(capture.fed).items()
        ),
        held=tuple(
            HeldArray(f"variable_{place}", dtype_name(one.value), one.name, one.tensor, one.trainable)
            for place, one in enumerate(capture.held)
        ),
        results=capture.results,
        terms=capture.terms,
        lines=capture.lines,
        layers=capture.layers,
        root=capture.root,
        compiled=capture.compiled,
        evaluation=capture.evaluation,
        left_out=left_out,
    )
    (budget.folder / MANIFEST).write_text(dump_manifest(manifest), encoding="utf-8")


class _Budget:
    """Writes files into a folder as long as they fit into a number of bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit, self.used = folder, limit, 0
        self.left_out: list[LeftOut] = []
        self.digests: dict[str, str] = {}

    def add(self, name: str, content: bytes) -> None:
        if self._fits(name, len(content)):
            (self.folder / name).write_bytes(content)
            self._count(name)

    def add_arrays(self, name: str, arrays: Mapping[str, Array]) -> None:
        if self._fits(name, sum(bytes_of(array) for array in arrays.values())):
            with (self.folder / name).open("wb") as file:
                write_arrays(file, arrays)
            self._count(name)

    def add_with(self, name: str, size: int, write: Callable[[Path], None]) -> None:
        """A file that `write` writes; one that turns out too large, or that cannot be written, is taken away."""
        if not self._fits(name, size):
            return
        path = self.folder / name
        try:
            write(path)
        except OSError:
            raise
        except Exception as error:  # the model's own code may fail here; the capsule is whole without it
            path.unlink(missing_ok=True)
            self.left_out.append(LeftOut(name, size, f"could not be saved ({type(error).__name__}: {error})"[:300]))
            return
        if self._fits(name, path.stat().st_size):
            self._count(name)
        else:
            path.unlink()

    def _fits(self, name: str, size: int) -> bool:
        if self.used + size <= self.limit:
            return True
        reason = f"the capsule would be larger than {self.limit:,} bytes; allow more with --capsule-limit"
        self.left_out.append(LeftOut(name, size, reason))
        return False

    def _count(self, name: str) -> None:
        path = self.folder / name
        self.used += path.stat().st_size
        self.digests[name] = _digest(path)


def write_minimal_rows(folder: Path, capture: StepCapture, rows: Sequence[int]) -> None:
    """Add the rows that were found to be enough for the failure, under the keys of batch.npz.

    NandoctorError (exit code 3) where they cannot be written; the capsule then stays as it was.
    """
    size = fed_batch(capture).rows
    batch = {
        key: one.value[list(rows)]
        for key, one in _keys(capture.fed).items()
        if one.role in OF_BATCH and one.value.ndim and len(one.value) == size
    }
    content = io.BytesIO()
    write_arrays(content, batch)
    temporary = folder / f".{MINIMAL}{UNFINISHED}"
    try:
        with temporary.open("wb") as file:
            file.write(content.getvalue())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / MINIMAL)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"{folder}: the rows cannot be written: {error.strerror or error}"
        raise NandoctorError(message, UNEXAMINABLE) from error


def read_capsule(folder: Path) -> Capsule:
    """The capsule in a folder; NandoctorError (exit code 3) where it is not whole, damaged, or of another version."""
    if not folder.is_dir():
        raise NandoctorError(f"{folder}: no capsule; name the folder that `nandoctor run` wrote", UNEXAMINABLE)
    if not (folder / MANIFEST).exists():
        unfinished = " (its writing was interrupted)" if folder.name.endswith(UNFINISHED) else ""
        raise NandoctorError(f"{folder}: no whole capsule, it holds no {MANIFEST}{unfinished}", UNEXAMINABLE)
    manifest = parse_manifest(_text(folder / MANIFEST), str(folder / MANIFEST))
    missing = [one for one in manifest.left_out if one.part in (GRAPH, BATCH, FACTS, STATE, WEIGHTS)]
    if missing:
        parts = listing([one.part for one in missing])
        message = f"{folder}: the capsule cannot be replayed, it was written without {parts}: {missing[0].reason}"
        raise NandoctorError(message, UNEXAMINABLE)
    for name in (GRAPH, FACTS, BATCH, STATE, WEIGHTS):
        _regular(folder / name, MOST_READ)
        if _digest(folder / name) != manifest.digests.get(name):
            raise NandoctorError(f"{folder / name}: damaged, it is not what the manifest says", UNEXAMINABLE)
    fed: list[Fed] = []
    for name, roles in ((BATCH, OF_BATCH), (STATE, ("random", "state", "constant"))):
        entries = [one for one in manifest.fed if one.role in roles]
        values = read_arrays(folder / name, {one.key: one.dtype for one in entries})
        fed += [Fed(one.name, one.tensor, one.role, values[one.key]) for one in entries]
    values = read_arrays(folder / WEIGHTS, {one.key: one.dtype for one in manifest.held})
    capture = StepCapture(
        graph=(folder / GRAPH).read_bytes(),
        fed=tuple(fed),
        held=tuple(Held(one.name, one.tensor, one.trainable, values[one.key]) for one in manifest.held),
        results=manifest.results,
        terms=manifest.terms,
        lines=manifest.lines,
        layers=manifest.layers,
        root=manifest.root,
        compiled=manifest.compiled,
        evaluation=manifest.evaluation,
    )
    facts = parse_facts(_text(folder / FACTS))
    return Capsule(capture, facts, manifest.written, manifest.left_out)


def _keys(fed: Sequence[Fed]) -> dict[str, Fed]:
    """What was fed by the key under which it is written: input_0, label_0, state_0 ..."""
    counts: dict[str, int] = {}
    keys: dict[str, Fed] = {}
    for one in fed:
        counts[one.role] = counts.get(one.role, -1) + 1
        keys[f"{one.role}_{counts[one.role]}"] = one
    return keys


def _text(path: Path) -> str:
    """The JSON text in a file. Control characters, which a terminal would obey, are replaced."""
    _regular(path, MOST_TEXT)
    try:
        text = path.read_text(encoding="utf-8")
        return _ESCAPED_CONTROL.sub(r"\g<1>\\ufffd", _CONTROL.sub("\ufffd", text))
    except (OSError, UnicodeDecodeError) as error:
        raise NandoctorError(f"{path}: damaged, it cannot be read as text", UNEXAMINABLE) from error


def _regular(path: Path, most: int) -> None:
    """NandoctorError unless the path is a file in its own right, no link to one, of at most that many bytes."""
    try:
        found = path.lstat()
    except OSError as error:
        raise NandoctorError(f"{path}: not there, the capsule is not whole", UNEXAMINABLE) from error
    if not stat.S_ISREG(found.st_mode):
        raise NandoctorError(f"{path}: no regular file; a capsule holds no links", UNEXAMINABLE)
    if found.st_size > most:
        raise NandoctorError(f"{path}: {found.st_size:,} bytes, at most {most:,} are read", UNEXAMINABLE)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
