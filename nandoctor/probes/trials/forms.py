"""Forms written by hand, found in a step's graph, and TensorFlow's own that cannot overflow or reach log(0)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from nandoctor.probes.steps.flow import Key, Node
from nandoctor.probes.steps.naming import is_gradient
from nandoctor.probes.steps.origins import PICKS
from nandoctor.probes.steps.trace import Step
from nandoctor.probes.trials.differentiation import Place, Site, Surgery

SHAPED = {"Identity", "ExpandDims", "Reshape", "Squeeze"}


@dataclass(frozen=True)
class Form:
    """A form that was found: how a person writes what stands for it, and the surgery that puts it there."""

    tried: str
    surgery: Surgery


def place_of(node: Node) -> Place:
    """Where an op is, by names."""
    return node.key[0], node.instruction.name


def loss_from_logits(step: Step, logarithm: Node) -> Form | None:
    """The logarithms of what a softmax or sigmoid gave, taken from the logits; None for another argument."""
    found = _squashed(step, logarithm)
    if found is None:
        return None
    replaced, kept = {}, {place_of(found.source)}
    for node in _forward(step, "Log"):
        one = _squashed(step, node)
        if one is not None and one.source.key == found.source.key:
            replaced[place_of(node)] = _from_logits(one)
            kept |= {place_of(passed) for passed in one.path}
    softmax = found.source.instruction.op_type == "Softmax"
    return Form("log_softmax(logits)" if softmax else "log_sigmoid(logits)", Surgery(replaced, frozenset(kept)))


def stable_form(step: Step, exponential: Node) -> Form | None:
    """TensorFlow's own softmax, log-sum-exp, softplus or sigmoid in the place of one made of this Exp."""
    for node in _forward(step, "Log", "Log1p", "RealDiv", "Reciprocal"):
        match = _matched(step, node, exponential)
        if match is not None:
            tried, run, kept = match
            return Form(tried, Surgery({place_of(node): run}, frozenset({place_of(exponential), *kept})))
    return None


def log_cosh(step: Step, cosh: Node) -> Form | None:
    """The logarithm of a hyperbolic cosine that does not overflow; None where no logarithm is taken."""
    cosine = place_of(cosh)

    def run(site: Site) -> Any:
        x = site.earlier[cosine][1][0]
        return x + tf.nn.softplus(-2.0 * x) - tf.cast(math.log(2.0), x.dtype)

    for node in _forward(step, "Log"):
        if _maker(step, node, 0) is cosh:
            return Form("x + softplus(-2x) - log(2)", Surgery({place_of(node): run}, frozenset({cosine})))
    return None


@dataclass(frozen=True)
class _Squashed:
    """What a logarithm is taken of: a `source` and ops that pick of it, the last first; 1 - that if `complement`."""

    source: Node
    path: tuple[Node, ...]
    complement: bool


def _squashed(step: Step, logarithm: Node) -> _Squashed | None:
    path: list[Node] = []
    complement = False
    key = logarithm.inputs[0]
    while isinstance(key, tuple):
        node = step.flow.nodes[key]
        if node.instruction.op_type in ("Softmax", "Sigmoid"):
            possible = node.instruction.op_type == "Sigmoid" or not complement
            return _Squashed(node, tuple(path), complement) if possible else None
        if node.instruction.op_type in PICKS and node.inputs:
            path.append(node)
            key = node.inputs[0]
        elif node.instruction.op_type == "Sub" and not complement and _is_one(step, node.inputs[0]):
            complement, key = True, node.inputs[1]
        else:
            return None
    return None


def _from_logits(found: _Squashed) -> Callable[[Site], Any]:
    def run(site: Site) -> Any:
        logits = site.earlier[place_of(found.source)][1][0]
        if found.source.instruction.op_type == "Softmax":
            value = tf.nn.log_softmax(logits)
        else:
            value = tf.math.log_sigmoid(-logits if found.complement else logits)
        for node in reversed(found.path):
            instruction, inputs = site.earlier[place_of(node)]
            value = site.execute(instruction, [value, *inputs[1:]])[0]
        return value

    return run


def _matched(step: Step, node: Node, exponential: Node) -> tuple[str, Callable[[Site], Any], tuple[Place, ...]] | None:
    """What an op computes of the exponential, by TensorFlow's own function, and the ops whose inputs that needs."""
    argument = place_of(exponential)

    def given(site: Site) -> Any:
        return site.earlier[argument][1][0]

    match node.instruction.op_type:
        case "Log1p" if _maker(step, node, 0) is exponential:
            return "softplus(x)", lambda site: tf.nn.softplus(given(site)), ()
        case "Log":
            total = _maker(step, node, 0)
            if _adds_one(step, total, exponential):
                return "softplus(x)", lambda site: tf.nn.softplus(given(site)), ()
            if total is not None and _sums(step, total, exponential):
                return "reduce_logsumexp(x)", _reduced(given, place_of(total)), (place_of(total),)
        case "Reciprocal" if _adds_one(step, _maker(step, node, 0), exponential):
            return "sigmoid(-x)", lambda site: tf.sigmoid(-given(site)), ()
        case "RealDiv":
            above, below = _maker(step, node, 0), _maker(step, node, 1)
            if above is exponential and below is not None and _sums(step, below, exponential):
                summed = place_of(below)
                return "softmax(x)", lambda site: _softmax(given(site), site.earlier[summed][1][1]), (summed,)
            if above is exponential and _adds_one(step, below, exponential):
                return "sigmoid(x)", lambda site: tf.sigmoid(given(site)), ()
            if _adds_one(step, below, exponential) and _is_one(step, node.inputs[0]):
                return "sigmoid(-x)", lambda site: tf.sigmoid(-given(site)), ()
    return None


def _reduced(given: Callable[[Site], Any], summed: Place) -> Callable[[Site], Any]:
    def run(site: Site) -> Any:
        instruction, inputs = site.earlier[summed]
        keep = dict(zip(instruction.attrs[::2], instruction.attrs[1::2], strict=True)).get("keep_dims", False)
        value = tf.reduce_logsumexp(given(site), inputs[1], keepdims=bool(keep))
        return tf.reshape(value, tf.shape(site.inputs[0]))

    return run


def _softmax(logits: Any, axis: Any) -> Any:
    """The softmax along some axes."""
    return tf.exp(logits - tf.reduce_logsumexp(logits, axis, keepdims=True))


def _sums(step: Step, node: Node, exponential: Node) -> bool:
    return node.instruction.op_type == "Sum" and _maker(step, node, 0) is exponential


def _adds_one(step: Step, node: Node | None, exponential: Node) -> bool:
    if node is None or node.instruction.op_type not in ("AddV2", "Add"):
        return False
    return any(_maker(step, node, place) is exponential and _is_one(step, node.inputs[1 - place]) for place in (0, 1))


def _is_one(step: Step, key: Key | int | None) -> bool:
    """Whether an operand is the constant 1."""
    node = step.flow.upstream(key, SHAPED | {"Cast"})
    if node is not None and node.instruction.constant is not None:
        return bool(tf.reduce_all(tf.equal(tf.cast(node.instruction.constant, tf.float64), 1.0)))
    return isinstance(key, int) and _held_one(step, key)


def _held_one(step: Step, argument: int) -> bool:
    """Whether a captured tensor is the number 1: in a step that ran eagerly constants are held."""
    place = argument - len(step.fed)
    held = step.captured()
    if not 0 <= place < len(held) or held[place].dtype not in (tf.float16, tf.float32, tf.float64):
        return False
    return bool(tf.size(held[place]) == 1) and float(held[place]) == 1.0


def _maker(step: Step, node: Node, operand: int) -> Node | None:
    """The op that made an operand, whatever shape it has been given since."""
    found = step.flow.upstream(node.inputs[operand], SHAPED)
    while found is not None and _adds_axis(found):
        found = step.flow.upstream(found.inputs[0], SHAPED)
    return found


def _adds_axis(node: Node) -> bool:
    """Whether an op only gives its operand another axis: x[:, tf.newaxis]."""
    attrs = dict(zip(node.instruction.attrs[::2], node.instruction.attrs[1::2], strict=True))
    return node.instruction.op_type == "StridedSlice" and bool(attrs["new_axis_mask"]) and not attrs["shrink_axis_mask"]


def _forward(step: Step, *op_types: str) -> Iterator[Node]:
    for node in step.flow.nodes.values():
        if node.instruction.op_type in op_types and not is_gradient(node.instruction.name):
            yield node
