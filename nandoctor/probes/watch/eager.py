"""A step that runs eagerly, recorded op by op, so that it can be run once more if it fails.

No result is kept: an op's inputs are known by number, and only what no recorded op made is held (the batch, constants,
handles of variables), until the next step begins.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import tensorflow as tf

from nandoctor.probes.compat.eager_ops import add_op, eager_scope, empty_graph, listen, tensor_number, tensor_numbers
from nandoctor.probes.steps.trace import is_user_file
from nandoctor.probes.watch.guard import Tracing
from nandoctor.probes.watch.names_in_scope import names_in_scope
from nandoctor.probes.watch.noted import Noted
from nandoctor.probes.watch.stepgraph import RANDOM, Kept

DEEPEST = 60
TAPE = "gradient_tape/"
WATCH = str(Path(__file__).parent)
Line = tuple[str, int, str]
MOST_OPS = 200_000


@dataclass(slots=True)
class Ran:
    """One op that ran: the numbers of its tensors, its scope, the user's line, the op that it differentiates."""

    op_type: str
    inputs: tuple[int, ...]
    attrs: Sequence[Any]
    outputs: tuple[int, ...]
    scope: str
    line: Line | None
    forward: int | None


@dataclass
class EagerStep:
    """What ran since a tape was opened."""

    ran: list[Ran] = field(default_factory=list)
    leaves: dict[int, Any] = field(default_factory=dict)
    made: dict[int, int] = field(default_factory=dict)
    differentiates: int | None = None

    def listen(self, op_type: str, inputs: Sequence[Any], attrs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Note an op that has run."""
        given = tensor_numbers(inputs)
        if op_type == "StridedSlice" and given[0] not in self.made:
            # A slice of what was given is the batch, not all that it was cut from.
            return
        for number, tensor in zip(given, inputs, strict=True):
            if number not in self.made:
                self.leaves[number] = tensor
        results = tensor_numbers(outputs)
        if op_type in RANDOM:
            # It would give something else when run again: what it gave counts as given.
            self.leaves.update(zip(results, outputs, strict=True))
            return
        for number in results:
            self.made[number] = len(self.ran)
        scope = eager_scope()
        line = None if scope.startswith(TAPE) else user_line()
        self.ran.append(Ran(op_type, given, attrs, results, scope, line, self.differentiates))

    def begin_gradient(self, op_type: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """What runs from now on differentiates one op: the last of its type with one of these tensors."""
        for tensor in outputs or ():
            if tensor is not None and tensor_number(tensor) in self.made:
                self.differentiates = self.made[tensor_number(tensor)]
                return
        known = {tensor_number(tensor) for tensor in inputs or () if tensor is not None}
        for place in range(len(self.ran) - 1, -1, -1):
            one = self.ran[place]
            if one.op_type == op_type and known and known.issubset(one.inputs):
                self.differentiates = place
                return
        self.differentiates = None

    def end_gradient(self) -> None:
        """What runs from now on is of the forward pass, or of no single op."""
        self.differentiates = None


@dataclass
class EagerRecorder:
    """Records the step that is running eagerly: from the outermost tape on, until all its tapes were used.

    `tapes` counts the tapes of the step, `open` those in whose `with` block the script is, `updates` the updates made.
    `failed` is told an error in here, after which nothing is recorded any more.
    """

    step: EagerStep = field(default_factory=EagerStep)
    tapes: int = 0
    open: int = 0
    updates: int = 0
    failed: Callable[[Exception], None] | None = None
    _end: Callable[[], None] | None = None

    def enter(self) -> None:
        """A tape was opened."""
        if not self.open and (self.updates or self._end is None or len(self.step.ran) > MOST_OPS):
            self.pause()
            self.step, self.tapes, self.updates = EagerStep(), 0, 0
        self.open += 1
        self.tapes += 1
        self.resume()

    def leave(self) -> None:
        """A tape was closed."""
        self.open = max(0, self.open - 1)

    def update(self) -> None:
        """The weights are about to be updated: what runs meanwhile is not of the step."""
        self.updates += 1
        self.pause()

    def updated(self) -> None:
        """The update is over; another one may follow from the same step."""
        if self.open or self.updates < self.tapes:
            self.resume()

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Do not listen to what is run meanwhile."""
        listening = self._end is not None
        self.pause()
        try:
            yield
        finally:
            if listening:
                self.resume()

    def resume(self) -> None:
        """Listen."""
        if self._end is None:
            self._end = listen(self._listen)

    def pause(self) -> None:
        """Do not listen."""
        if self._end is not None:
            self._end()
            self._end = None

    # These run in the middle of the script's own ops, which are not to fail for them.
    def _listen(self, op_type: str, inputs: Sequence[Any], attrs: Sequence[Any], outputs: Sequence[Any]) -> None:
        if len(self.step.ran) <= MOST_OPS:
            try:
                self.step.listen(op_type, inputs, attrs, outputs)
            except Exception as error:
                self._fail(error)

    def begin_gradient(self, op_type: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """The tape differentiates an op."""
        try:
            self.step.begin_gradient(op_type, inputs, outputs)
        except Exception as error:
            self._fail(error)

    def end_gradient(self) -> None:
        """The tape has done that."""
        self.step.end_gradient()

    def _fail(self, error: Exception) -> None:
        self.pause()
        if self.failed is not None:
            self.failed(error)


def tracing_of(
    step: EagerStep, noted: Noted, gradients: Sequence[Any], variables: Sequence[Any], number: int
) -> Tracing:
    """The recorded step as a graph, with what it was given, as if it had been traced."""
    graph = empty_graph("eager_step")
    batch = _batch(step.leaves.values())
    called = names_in_scope(batch)
    with graph.as_default():
        # What is small is captured as a constant of the graph that is the default one.
        kept = [(graph.capture(one, name=called[id(one)]), one) for one in batch]
    names = _names(step.ran)
    tensors: dict[int, Any] = dict(step.leaves)
    made: list[tuple[str, range]] = []
    lines: dict[str, Line] = {}
    for one, name in zip(step.ran, names, strict=True):
        before = graph.num_operations()
        outputs = add_op(graph, one.op_type, name, [tensors[given] for given in one.inputs], one.attrs)
        tensors.update(zip(one.outputs, outputs, strict=True))
        if one.forward is not None:
            made.append((names[one.forward], range(before, graph.num_operations())))
        elif one.line is not None:
            lines[name] = one.line

    def own(tensor: Any) -> Any:
        return tensor if tensor is None else tensors.get(tensor_number(tensor), tensor)

    raw = {id(getattr(source, "value", source)): found for source, found in noted.gradients}
    raw |= {id(source): found for source, found in noted.gradients}

    def given(gradient: Any, variable: Any) -> Any:
        """The gradient in the graph; as the tape gave it where what was made of it since cannot be told (a copy)."""
        found = own(gradient)
        if found is not gradient:
            return found
        unclipped = raw.get(id(variable))
        return own(unclipped.values if isinstance(unclipped, tf.IndexedSlices) else unclipped)

    page = Noted(
        terms=[(name, own(one)) for name, one in noted.terms],
        inputs=[inner for inner, one in kept if _is_one_of(one, noted.inputs)] or None,
        labels=[inner for inner, one in kept if _is_one_of(one, noted.labels)] or None,
        predictions=tf.nest.map_structure(own, noted.predictions) if noted.predictions is not None else None,
        model=noted.model,
    )
    return Tracing(
        number=number,
        graph=graph,
        noted=page,
        losses=[own(one) for one in noted.losses],
        gradients=[given(gradient, variable) for gradient, variable in zip(gradients, variables, strict=True)],
        variables=list(variables),
        kept=[Kept("argument", inner) for inner, _ in kept],
        stash=[one for _, one in kept],
        backward=made,
        lines=lines,
    )


def _names(ran: Sequence[Ran]) -> list[str]:
    """A name for each op: its scope and its type, numbered where it comes again."""
    found: list[str] = []
    counts: dict[str, int] = {}
    for one in ran:
        plain = one.scope + one.op_type
        count = counts.get(plain, 0)
        counts[plain] = count + 1
        found.append(f"{plain}_{count}" if count else plain)
    return found


def _batch(leaves: Iterable[Any]) -> list[Any]:
    """The arrays among what the step was given: as many rows as the largest of them."""
    arrays = [one for one in leaves if one.dtype not in (tf.resource, tf.variant) and one.shape.rank]
    floats = [one for one in arrays if one.dtype.is_floating]
    if not floats:
        return []
    rows = max(floats, key=lambda one: one.shape.num_elements()).shape[0]
    return [one for one in arrays if one.shape[0] == rows]


def _is_one_of(tensor: Any, values: Any) -> bool:
    return any(value is tensor for value in tf.nest.flatten(values))


def user_line() -> Line | None:
    """The innermost line of the user's code that is running, if it is not below a line of nandoctor's own."""
    frame = sys._getframe(2)
    for _ in range(DEEPEST):
        if frame is None:
            return None
        code = frame.f_code
        owner = _owner(code.co_filename)
        if owner == "user":
            return code.co_filename, frame.f_lineno, code.co_name
        if owner == "watch" and code.co_name == "run":
            return None
        frame = frame.f_back  # type: ignore[assignment]
    return None


@cache
def _owner(path: str) -> Literal["user", "watch", "other"]:
    """Whose source file that is. It is asked for some twenty frames of each op: one look-up a frame has to do."""
    if is_user_file(path):
        return "user"
    return "watch" if path.startswith(WATCH) else "other"
