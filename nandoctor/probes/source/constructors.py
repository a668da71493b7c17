"""Changes of how a script builds its layers, its optimizer, its loss and its precision."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping

from nandoctor.probes.source.text import Edit, Source, UnwritableError

# What `compile(optimizer="adam")` stands for, and the learning rate that it begins with.
OPTIMIZERS: Mapping[str, tuple[str, str]] = {
    "adam": ("Adam", "0.001"),
    "sgd": ("SGD", "0.01"),
    "rmsprop": ("RMSprop", "0.001"),
    "adamw": ("AdamW", "0.001"),
    "nadam": ("Nadam", "0.001"),
    "adamax": ("Adamax", "0.001"),
    "adagrad": ("Adagrad", "0.001"),
    "adadelta": ("Adadelta", "0.001"),
    "ftrl": ("Ftrl", "0.001"),
    "lion": ("Lion", "0.001"),
}
CROSSENTROPIES = (
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "BinaryFocalCrossentropy",
)
_POLICIES = ("set_dtype_policy", "set_global_policy", "set_policy")
# The place of the activation among the positional arguments.
_ACTIVATION_PLACE: Mapping[str, int] = {"Dense": 1, "EinsumDense": 2, "SimpleRNN": 1, "LSTM": 1, "GRU": 1}


def layer_keyword(source: Source, layer: str | None, keyword: str, value: str) -> list[Edit]:
    """The keyword of the layer's constructor set to what is written in `value`."""
    return [_with_keyword(source, layer_call(source, layer), keyword, value)]


def layer_activation(source: Source, layer: str | None, value: str) -> list[Edit]:
    """The layer's activation replaced, or given where there was none."""
    call = layer_call(source, layer)
    place = _ACTIVATION_PLACE.get(_class_of(source, call) or "")
    if place is not None and len(call.args) > place:
        old = call.args[place]
        return [Edit(source.start(old), source.end(old), value)]
    if _class_of(source, call) in ("ReLU", "Activation", "Softmax"):
        raise UnwritableError("the activation is a layer of its own")
    return [_with_keyword(source, call, "activation", value)]


def initializers(source: Source, value: str) -> list[Edit]:
    """Every kernel initializer that the script names, replaced."""
    named = [one for call in source.calls() for one in call.keywords if one.arg == "kernel_initializer"]
    if not named:
        raise UnwritableError("no kernel_initializer is written in the file")
    return [Edit(source.start(one.value), source.end(one.value), value) for one in named]


def learning_rate(source: Source, divisor: int) -> list[Edit]:
    """The learning rate that is written for the only optimizer, divided."""
    call = _optimizer(source)
    if call is None or isinstance(call, ast.Constant):
        return _built(source, call, "learning_rate", lambda rate: _divided(rate, divisor))
    named = [one.value for one in call.keywords if one.arg in ("learning_rate", "lr")]
    written = named[0] if named else call.args[0] if call.args else None
    if written is None:
        rate = OPTIMIZERS.get((_class_of(source, call) or "").lower(), ("", "0.001"))[1]
        return [_with_keyword(source, call, "learning_rate", _divided(rate, divisor))]
    if isinstance(written, ast.Name):
        written = _only_value(source, written.id)
    if not (isinstance(written, ast.Constant) and isinstance(written.value, int | float)):
        raise UnwritableError("the learning rate is not written as a number")
    return [Edit(source.start(written), source.end(written), _divided(source.of(written), divisor))]


def optimizer_keyword(source: Source, keyword: str, value: str) -> list[Edit]:
    """The keyword of the only optimizer's constructor set to `value`."""
    call = _optimizer(source)
    if call is None or isinstance(call, ast.Constant):
        return _built(source, call, keyword, lambda _rate: value)
    return [_with_keyword(source, call, keyword, value)]


def clipped_gradient(source: Source) -> list[Edit]:
    """`global_clipnorm=1.0` for the only optimizer, where it does not clip yet."""
    call = _optimizer(source)
    clips = isinstance(call, ast.Call) and any("clip" in str(one.arg) for one in call.keywords)
    if clips:
        raise UnwritableError("the optimizer clips already")
    return optimizer_keyword(source, "global_clipnorm", "1.0")


def policy(source: Source, value: str) -> list[Edit]:
    """The dtype policy that the script sets, replaced."""
    calls = [one for one in source.calls() if _class_of(source, one) in _POLICIES and one.args]
    if not calls:
        raise UnwritableError("the file sets no dtype policy")
    return [Edit(source.start(one.args[0]), source.end(one.args[0]), f'"{value}"') for one in calls]


def from_logits(source: Source, wanted: bool) -> list[Edit]:
    """The only cross-entropy of the script told whether it is given logits."""
    losses = [one for one in source.calls() if _class_of(source, one) in CROSSENTROPIES]
    if len(losses) == 1:
        return [_with_keyword(source, losses[0], "from_logits", str(wanted))]
    text = _compiled(source, "loss")
    if not wanted or not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        raise UnwritableError("the loss is not written as the name of one cross-entropy")
    name = "".join(part.capitalize() for part in text.value.split("_"))
    if name not in CROSSENTROPIES:
        raise UnwritableError(f"{text.value} takes no logits")
    built = f"{source.spelled(f'keras.losses.{name}')}(from_logits=True)"
    return [Edit(source.start(text), source.end(text), built)]


def loss_named(source: Source, value: str) -> list[Edit]:
    """The loss that `compile` is given by its name, replaced by another."""
    text = _compiled(source, "loss")
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        raise UnwritableError("the loss is not written as the name of one loss")
    return [Edit(source.start(text), source.end(text), f'"{value}"')]


def layer_call(source: Source, layer: str | None) -> ast.Call:
    """The call that builds the layer of that path: by its name, or by the number that Keras gives those without one.

    None stands for the last layer that the file builds.
    """
    calls = [one for one in source.calls() if _is_layer(source, one)]
    if layer is None:
        if not calls:
            raise UnwritableError("the file builds no Keras layer")
        return calls[-1]
    for part in reversed(layer.split("/")):
        named = [one for one in source.calls() if _named(one) == part]
        if len(named) == 1:
            return named[0]
        numbered = re.fullmatch(r"(.+?)(?:_(\d+))?", part)
        assert numbered is not None
        unnamed = [one for one in calls if _snake_case(_class_of(source, one)) == numbered[1] and not _named(one)]
        place = int(numbered[2] or 0) if len(unnamed) > 1 else 0
        if place < len(unnamed):
            return unnamed[place]
    raise UnwritableError(f"the file does not show which call builds the layer {layer}")


def _is_layer(source: Source, call: ast.Call) -> bool:
    name = source.full_name(call.func) or ""
    return name.startswith("keras.layers.") and not name.endswith((".Input", ".InputLayer"))


def _named(call: ast.Call) -> object:
    return next(
        (one.value.value for one in call.keywords if one.arg == "name" and isinstance(one.value, ast.Constant)), None
    )


def _class_of(source: Source, call: ast.Call) -> str | None:
    name = source.full_name(call.func)
    return name.rpartition(".")[2] if name else None


def _snake_case(name: str | None) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name or "").lower()


def _optimizer(source: Source) -> ast.Call | ast.Constant | None:
    """The call that builds the only optimizer, or the text that names it; None where `compile` is told nothing."""
    built = [
        one
        for one in source.calls()
        if re.fullmatch(r"keras\.optimizers\.(legacy\.)?[A-Z]\w+", source.full_name(one.func) or "")
        and _class_of(source, one) != "LossScaleOptimizer"
    ]
    if len(built) > 1:
        raise UnwritableError(f"the file builds {len(built)} optimizers")
    if built:
        return built[0]
    text = _compiled(source, "optimizer")
    if text is not None and not (isinstance(text, ast.Constant) and str(text.value).lower() in OPTIMIZERS):
        raise UnwritableError("the optimizer is not built in this file")
    return text


def _built(source: Source, text: ast.Constant | None, keyword: str, value: object) -> list[Edit]:
    """An optimizer with that keyword in the place of its name; `value(rate)` is what the keyword is set to."""
    assert callable(value)
    kind, rate = OPTIMIZERS[str(text.value).lower()] if text is not None else OPTIMIZERS["rmsprop"]
    if text is None:
        raise UnwritableError("the optimizer is not named in this file")
    built = f"{source.spelled(f'keras.optimizers.{kind}')}({keyword}={value(rate)})"
    return [Edit(source.start(text), source.end(text), built)]


def _compiled(source: Source, keyword: str) -> ast.expr | None:
    """What the only call of `compile` is given for a keyword."""
    calls = [one for one in source.calls() if isinstance(one.func, ast.Attribute) and one.func.attr == "compile"]
    found = [named.value for one in calls for named in one.keywords if named.arg == keyword]
    if len(found) > 1:
        raise UnwritableError(f"the file compiles {len(calls)} models")
    return found[0] if found else None


def _with_keyword(source: Source, call: ast.Call, keyword: str, value: str) -> Edit:
    for one in call.keywords:
        if one.arg == keyword:
            return Edit(source.start(one.value), source.end(one.value), value)
    if any(one.arg is None for one in call.keywords):
        raise UnwritableError(f"{source.of(call.func)} on line {call.lineno} takes its arguments from a dictionary")
    written: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if written:
        last = max(source.end(one) for one in written)
        return Edit(last, last, f", {keyword}={value}")
    end = source.end(call) - 1
    return Edit(end, end, f"{keyword}={value}")


def _only_value(source: Source, name: str) -> ast.expr:
    """What a name stands for that is assigned once in the file."""
    values = [
        node.value
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and any(isinstance(one, ast.Name) and one.id == name for one in node.targets)
    ]
    if len(values) != 1:
        raise UnwritableError(f"{name} is not assigned once in the file")
    return values[0]


def _divided(rate: str, divisor: int) -> str:
    return f"{float(rate) / divisor:.10g}"
