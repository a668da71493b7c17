"""What a remedy changes: how it is written into the source, and what can stand for it where it cannot be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nandoctor.facts.trial import REACHES, Reach
from nandoctor.finding import Finding, Remedy
from nandoctor.probes.source import constructors, handed, masks, ops, rows
from nandoctor.probes.source.text import Edit, Source, UnwritableError
from nandoctor.probes.trials.settings import Setting

Write = Callable[[Source], list[Edit]]
OVERFLOWING = frozenset(
    {
        "learning-rate-too-high",
        "exploding-gradient",
        "huge-weights",
        "accumulation-overflow",
        "exp-overflow",
        "pow-overflow",
        "inf-minus-inf",
        "inf-over-inf",
        "zero-times-inf",
        "update-poison",
        "unbounded-recurrent-activation",
    }
)
OF_ROWS = frozenset({"data", "forward", "backward"})
MOST_ROWS = 20
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")


@dataclass(frozen=True)
class Change:
    """One way to bring a remedy about.

    `write` changes the source of `file` (None for the script itself); `setting` is what is changed from outside where
    the source cannot be written. At least one of them is there.
    """

    remedy: Remedy
    reach: Reach
    write: Write | None = None
    setting: Setting | None = None
    file: str | None = None


def changes(finding: Finding) -> tuple[Change, ...]:
    """The ways to cure a finding, in the order in which they are tried.

    The rule's own come first, of these what changes least; then what may help anyhow.
    """
    own = [change for remedy in finding.remedies for change in _of_remedy(finding, remedy)]
    own.sort(key=lambda one: REACHES.index(one.reach))
    return (*own, *_others(finding, {one.remedy.id for one in own}))


def _of_remedy(finding: Finding, remedy: Remedy) -> Iterator[Change]:
    place = finding.location
    if remedy.id in AT_THE_LINE and place.line is not None:
        yield Change(remedy, "op", lambda source: AT_THE_LINE[remedy.id](source, finding, remedy), file=place.file)
    elif remedy.id in IN_THE_SCRIPT:
        reach, write = IN_THE_SCRIPT[remedy.id]
        yield Change(remedy, reach, lambda source: write(source, finding), SETTINGS.get(remedy.id, _none)(finding))


def _others(finding: Finding, known: set[str]) -> Iterator[Change]:
    """What is no remedy of the rule: it treats the symptom, or leaves out what brings it about."""
    cause, place = finding.cause, finding.location
    if cause == "val-only-nonfinite":
        # What went wrong in the evaluation is told below it, with the place.
        yield from (change for one in finding.consequences for change in changes(one))
    if cause == "labels-out-of-range" and {"low", "high"} <= set(finding.limits):
        within = Remedy("drop-rows", "Leave out the rows whose label is out of range")
        low, high = int(finding.limits["low"]), int(finding.limits["high"])
        yield Change(within, "data", lambda source: rows.labels_within(source, low, high))
    if cause in ("inf-in-data", "missing-in-data") and "drop-rows" not in known:
        finite = Remedy("drop-rows", "Leave out the rows that are not finite")
        yield Change(finite, "data", lambda source: _finite_rows(source, finding))
    if cause in ("float16-overflow", "loss-scale-collapse", "optimizer-epsilon", "float32-underflow"):
        remedy = Remedy("float32", "Train in float32 instead of float16")
        yield Change(
            remedy, "model", lambda source: constructors.policy(source, "float32"), Setting("policy", value="float32")
        )
    # What the very first step comes to does not depend on how it would have been followed.
    first = place.step == 0 and place.phase != "update"
    if cause in OVERFLOWING and not first:
        for divisor in (10, 100):
            identity = "lower-learning-rate" if divisor == 10 else "much-lower-learning-rate"
            if identity not in known:
                yield _slower(Remedy(identity, f"Divide the learning rate by {divisor}"), divisor)
        if "clip-gradient" not in known:
            clip = Remedy("clip-gradient", "Clip the gradient by its norm: the optimizer's global_clipnorm=1.0")
            yield Change(clip, "setting", constructors.clipped_gradient, Setting("clip"))
    few = place.dataset_rows is not None and 0 < len(place.dataset_rows) <= MOST_ROWS
    if few and place.phase in OF_ROWS and "drop-rows" not in known and cause != "labels-out-of-range":
        some = tuple(place.dataset_rows or ())
        yield Change(
            Remedy("leave-out-rows", "Leave out the rows that bring it about"),
            "data",
            lambda source: rows.rows_left_out(source, some),
        )


def _slower(remedy: Remedy, divisor: int) -> Change:
    return Change(
        remedy,
        "setting",
        lambda source: constructors.learning_rate(source, divisor),
        Setting("learning-rate", value=1 / divisor),
    )


def _clip(source: Source, finding: Finding, remedy: Remedy) -> list[Edit]:
    # The bound is what the remedy's title says: it fits the dtype that was measured.
    told = _NUMBER.findall(remedy.title) if finding.cause != "invalid-domain" else []
    return ops.guarded_argument(source, _line(finding), _op_type(finding), told[-1] if told else None)


def _divisor(source: Source, finding: Finding, remedy: Remedy) -> list[Edit]:
    bound = _NUMBER.findall(remedy.title)[-1]
    if _op_type(finding) == "Rsqrt":
        return ops.guarded_argument(source, _line(finding), "Rsqrt", bound)
    return ops.kept_divisor(source, _line(finding), bound, signed=remedy.id == "signed-epsilon")


def _guarded_maker(source: Source, finding: Finding, _remedy: Remedy) -> list[Edit]:
    if _op_type(finding) == "RealDiv":
        return ops.no_nan_division(source, _line(finding))
    return ops.guarded_argument(source, _line(finding), _op_type(finding))


def _line(finding: Finding) -> int:
    assert finding.location.line is not None
    return finding.location.line


def _op_type(finding: Finding) -> str:
    return finding.location.op_type or ""


AT_THE_LINE: Mapping[str, Callable[[Source, Finding, Remedy], list[Edit]]] = {
    "bound-schedule": lambda source, finding, _: handed.bounded_on_the_line(source, _line(finding), _op_type(finding)),
    "clip-argument": _clip,
    "divide-no-nan": lambda source, finding, _: ops.no_nan_division(source, _line(finding)),
    "epsilon": _divisor,
    "signed-epsilon": _divisor,
    "double-where": lambda source, finding, _: ops.double_where(source, _line(finding), _op_type(finding)),
    "positive-base": lambda source, finding, _: ops.guarded_argument(source, _line(finding), "Pow"),
    "epsilon-under-root": lambda source, finding, _: ops.epsilon_under_root(source, _line(finding)),
    "log-cosh": lambda source, finding, _: ops.stable_log_cosh(source, _line(finding)),
    "finite-mask": lambda source, finding, _: masks.finite_mask(source, _line(finding)),
    "cure-infinity": lambda source, finding, _: masks.finite_mask(source, _line(finding)),
    "guard-the-maker": _guarded_maker,
}


def _role(finding: Finding) -> tuple[str, str | None]:
    """Whether the array that a finding is about is fed as input, label or weight, and its name."""
    kind, _, name = (finding.about or "").partition(":")
    return ("weight" if name == "sample_weight" else "label" if kind == "label" else "input"), name or None


def _finite_rows(source: Source, finding: Finding) -> list[Edit]:
    try:
        return rows.finite_rows_only(source, *_role(finding))
    except UnwritableError:
        return rows.finite_batches_only(source)


def _both_standardized(source: Source, _finding: Finding) -> list[Edit]:
    return [*rows.standardized(source, "input", None), *rows.standardized(source, "label", None)]


def _no_activation(source: Source, finding: Finding) -> list[Edit]:
    layer = finding.location.layer
    return [*constructors.layer_activation(source, layer, "None"), *constructors.from_logits(source, True)]


def _positive_head(source: Source, finding: Finding) -> list[Edit]:
    if finding.location.line is not None:
        raise UnwritableError("the argument is made by hand")
    return constructors.layer_activation(source, None, '"softplus"')


IN_THE_SCRIPT: Mapping[str, tuple[Reach, Callable[[Source, Finding], list[Edit]]]] = {
    "drop-rows": ("data", _finite_rows),
    "read-as-missing": (
        "data",
        lambda source, finding: rows.rows_without(source, *_role(finding), float(finding.evidence["value"])),
    ),
    "renumber-classes": ("data", lambda source, _: rows.labels_from_zero(source)),
    "standardize-target": ("data", lambda source, finding: rows.standardized(source, *_role(finding))),
    "scale-input": ("data", lambda source, finding: rows.standardized(source, *_role(finding))),
    "scale-data": ("data", _both_standardized),
    "lower-learning-rate": ("setting", lambda source, _: constructors.learning_rate(source, 10)),
    "smaller-learning-rate": ("setting", lambda source, _: constructors.learning_rate(source, 10)),
    "clip-gradient": ("setting", lambda source, _: constructors.clipped_gradient(source)),
    "bound-schedule": ("setting", lambda source, _: handed.bounded_schedule(source)),
    "look-at-constraint": ("op", lambda source, _: handed.guarded_constraint(source)),
    "default-epsilon": ("setting", lambda source, _: constructors.optimizer_keyword(source, "epsilon", "1e-7")),
    "larger-epsilon": ("setting", lambda source, _: constructors.optimizer_keyword(source, "epsilon", "1e-3")),
    "float32-weights": ("model", lambda source, _: constructors.policy(source, "mixed_float16")),
    "op-in-float32": (
        "op",
        lambda source, finding: constructors.layer_keyword(source, _layer(finding), "dtype", '"float32"'),
    ),
    "float32-layer": (
        "op",
        lambda source, finding: constructors.layer_keyword(source, _layer(finding), "dtype", '"float32"'),
    ),
    "leaky-relu": (
        "model",
        lambda source, finding: constructors.layer_activation(source, _layer(finding), '"leaky_relu"'),
    ),
    "bounded-activation": (
        "model",
        lambda source, finding: constructors.layer_activation(source, _layer(finding), '"tanh"'),
    ),
    "recurrent-initializer": (
        "model",
        lambda source, finding: constructors.layer_keyword(
            source, _layer(finding), "recurrent_initializer", '"orthogonal"'
        ),
    ),
    "default-initializer": ("model", lambda source, _: constructors.initializers(source, '"glorot_uniform"')),
    "positive-activation": ("model", _positive_head),
    "sigmoid": (
        "model",
        lambda source, finding: constructors.layer_activation(source, finding.location.layer, '"sigmoid"'),
    ),
    "from-logits": ("loss", lambda source, _: constructors.from_logits(source, True)),
    "from-logits-false": ("loss", lambda source, _: constructors.from_logits(source, False)),
    "no-activation": ("loss", _no_activation),
    "binary-crossentropy": ("loss", lambda source, _: constructors.loss_named(source, "binary_crossentropy")),
}


def _layer(finding: Finding) -> str:
    if finding.location.layer is None:
        raise UnwritableError("the layer is not known")
    return finding.location.layer


def _none(_finding: Finding) -> Setting | None:
    return None


def _of_layer(kind: str, value: str) -> Callable[[Finding], Setting | None]:
    def setting(finding: Finding) -> Setting | None:
        layer = finding.location.layer
        return None if layer is None else Setting(kind, layer.rpartition("/")[2], value)

    return setting


SETTINGS: Mapping[str, Callable[[Finding], Setting | None]] = {
    "lower-learning-rate": lambda _: Setting("learning-rate", value=0.1),
    "smaller-learning-rate": lambda _: Setting("learning-rate", value=0.1),
    "clip-gradient": lambda _: Setting("clip"),
    "default-epsilon": lambda _: Setting("epsilon", value=1e-7),
    "larger-epsilon": lambda _: Setting("epsilon", value=1e-3),
    "float32-weights": lambda _: Setting("policy", value="mixed_float16"),
    "leaky-relu": _of_layer("activation", "leaky_relu"),
    "bounded-activation": _of_layer("activation", "tanh"),
    "sigmoid": _of_layer("activation", "sigmoid"),
    "op-in-float32": _of_layer("dtype", "float32"),
    "float32-layer": _of_layer("dtype", "float32"),
    "default-initializer": lambda _: Setting("initializer", value="glorot_uniform"),
    "standardize-target": lambda _: Setting("standardize", value="label"),
    "scale-input": lambda _: Setting("standardize", value="input"),
}
