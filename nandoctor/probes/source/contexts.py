"""Which functions of a file compute a loss, a layer or a training step, as far as the file itself shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from nandoctor.facts.source import SourceContext
from nandoctor.probes.source.names import Names
from nandoctor.probes.source.survey import Definition, Survey, called_name, own_name

PREDICTION = re.compile(r"^(y_?(pred|hat|prob)\w*|pred(ict(ion|ed)?)?s?|probs?|probabilit(y|ies))$")
_TARGET = re.compile(r"^(y_?(true|t)|(y|labels?|targets?|truth|wanted|real|actual))$")
_LOSS_NAME = re.compile(r"(^|_)(loss|losses|divergence|nll|likelihood|penalty|cross_?entropy)($|_)", re.IGNORECASE)
_LOSS_BASES = (".Loss", ".LossFunctionWrapper", ".Regularizer")
_LAYER_BASES = (".Layer", ".Model", ".Sequential", ".Functional", "tensorflow.Module", ".Wrapper", ".RNN")
_METRIC_BASES = (".Metric", ".MeanMetricWrapper", ".Mean", ".Callback", ".Optimizer")
_USED_AS = {"loss": "loss", "metrics": "metric", "activation": "layer"}
_KINDS_OF_METHODS: dict[str, dict[str, SourceContext]] = {
    "loss": {"call": "loss", "__call__": "loss"},
    "layer": {
        "call": "layer",
        "__call__": "layer",
        "train_step": "train-step",
        "compute_loss": "loss",
        "compute_output": "layer",
    },
}


@dataclass
class Contexts:
    """The contexts of a module's functions by the line they are defined in, and which of them are losses by their use.

    `lambdas` are the contexts of functions without a name by their line and column.
    """

    functions: dict[int, SourceContext] = field(default_factory=dict)
    lambdas: dict[tuple[int, int], SourceContext] = field(default_factory=dict)

    def of(self, node: ast.AST) -> SourceContext | None:
        """The context of a function; None where its file does not tell."""
        if isinstance(node, ast.Lambda):
            return self.lambdas.get((node.lineno, node.col_offset))
        return self.functions.get(getattr(node, "lineno", 0))


def contexts(seen: Survey, names: Names) -> Contexts:
    """The contexts of all functions of a module: by their class, parameters, name and use, and by who calls them."""
    found = Contexts()
    kinds = _class_kinds(seen.classes, names)
    used = _uses(seen, names, kinds, found)
    for definition, owner, _ in seen.functions:
        context = _context(definition, kinds.get(owner or ""), owner, used, definition in seen.taped)
        if context is not None:
            found.functions[definition.lineno] = context
    _hand_on(found, seen)
    return found


def is_tape(statement: ast.With | ast.AsyncWith, names: Names) -> bool:
    """Whether a `with` records what is to be differentiated."""
    calls = [item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call)]
    return any((names.resolve(call.func) or "").endswith("GradientTape") for call in calls)


def _class_kinds(classes: Sequence[ast.ClassDef], names: Names) -> dict[str, str]:
    """loss, layer or metric for each class by its bases, also where these are classes of the same file."""
    found: dict[str, str] = {}
    for _ in range(3):
        for one in classes:
            for base in one.bases:
                dotted = names.resolve(base) or ""
                kind = found.get(dotted) or _kind_of_base(dotted)
                if kind:
                    found.setdefault(one.name, kind)
    return found


def _kind_of_base(dotted: str) -> str | None:
    for kind, bases in (("loss", _LOSS_BASES), ("metric", _METRIC_BASES), ("layer", _LAYER_BASES)):
        if f".{dotted}".endswith(bases) or dotted in bases:
            return kind
    if dotted.startswith("keras.regularizers."):
        return "loss"
    return "layer" if dotted.startswith("keras.layers.") else None


def _uses(seen: Survey, names: Names, kinds: dict[str, str], found: Contexts) -> dict[str, str]:
    """What functions are handed over for: `loss=f`, `metrics=[f]`, `Lambda(f)`, `activation=f`, a metric's `fn=f`."""
    used: dict[str, str] = {}
    of_metrics = {definition for definition, owner, _ in seen.functions if kinds.get(owner or "") == "metric"}
    for node, function in seen.calls:
        for keyword in node.keywords:
            kind = _USED_AS.get(keyword.arg or "")
            if keyword.arg == "fn" and function in of_metrics:
                kind = "metric"
            if kind:
                _use(keyword.value, kind, used, found)
        # What is called by an alias has no point in it.
        of_layer = isinstance(node.func, ast.Name) or called_name(node) in ("Lambda", "Activation")
        dotted = names.resolve(node.func) if node.args and of_layer else None
        if dotted and dotted.endswith(("keras.layers.Lambda", "keras.layers.Activation")):
            _use(node.args[0], "layer", used, found)
    return used


def _use(value: ast.expr, kind: str, used: dict[str, str], found: Contexts) -> None:
    for node in ast.walk(value):
        if isinstance(node, ast.Name):
            used.setdefault(node.id, kind)
        elif isinstance(node, ast.Lambda) and kind in ("loss", "layer"):
            found.lambdas[node.lineno, node.col_offset] = "loss" if kind == "loss" else "layer"


def _context(
    definition: Definition, kind: str | None, owner: str | None, used: dict[str, str], taped: bool
) -> SourceContext | None:
    if kind is not None and definition.name in _KINDS_OF_METHODS.get(kind, {}):
        return _KINDS_OF_METHODS[kind][definition.name]
    if any(_last_name(decorator) == "custom_gradient" for decorator in definition.decorator_list):
        return "other"
    if taped:
        return "train-step"
    use = used.get(definition.name) if owner is None else None
    if use == "metric" or kind == "metric":
        return "other"
    if use == "layer":
        return "layer"
    given = [one.arg for one in (*definition.args.posonlyargs, *definition.args.args)]
    compares = len(given) > 1 and any(map(PREDICTION.match, given)) and any(map(_TARGET.match, given))
    if use == "loss" or compares or (owner is None and _LOSS_NAME.search(definition.name)):
        return "loss"
    return None


def _hand_on(found: Contexts, seen: Survey) -> None:
    """What a loss, layer or training step calls or defines is a part of it: functions, and methods of its class."""
    owners = {definition: owner for definition, owner, _ in seen.functions}
    calls: dict[Definition | None, list[ast.Call]] = {}
    for call, function in seen.calls:
        calls.setdefault(function, []).append(call)
    by_name: dict[str, list[Definition]] = {}
    inner: dict[Definition | None, list[Definition]] = {}
    for definition, _, around in seen.functions:
        by_name.setdefault(definition.name, []).append(definition)
        inner.setdefault(around, []).append(definition)
    waiting = [one for one in owners if found.functions.get(one.lineno) in ("loss", "layer", "train-step")]
    while waiting:
        caller = waiting.pop()
        reached = list(inner.get(caller, ()))
        for call in calls.get(caller, ()):
            for callee in by_name.get(own_name(call.func), ()):
                if isinstance(call.func, ast.Name) or owners[callee] == owners[caller]:
                    reached.append(callee)
        for one in reached:
            if one.lineno not in found.functions:
                found.functions[one.lineno] = found.functions[caller.lineno]
                waiting.append(one)


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
