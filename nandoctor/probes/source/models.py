"""Models, their last layers and their losses, as far as a file shows both."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from nandoctor.facts.source import SingleSoftmax, SourceHead, SourceLoss, SourcePair
from nandoctor.probes.source.activations import activation_of
from nandoctor.probes.source.names import Names, own_statements, tensor_function
from nandoctor.probes.source.places import Places
from nandoctor.probes.source.scope import path_of
from nandoctor.probes.source.survey import Survey, calls_in

_UNITS = re.compile(r"^keras\.layers\.(Dense|Conv[123]D|Convolution[123]D|EinsumDense)$")
_KEEPS_UNITS = re.compile(r"^keras\.layers\.(Dropout|BatchNormalization|LayerNormalization|GaussianNoise)$")
_ACTIVATES = re.compile(r"^keras\.layers\.(Activation|Softmax|ReLU)$")
_ACTIVATIONS = frozenset({"softmax", "sigmoid", "tanh", "relu"})
_MODELS = ("keras.Model", "keras.models.Model", "keras.Functional")
_SEQUENTIAL = ("keras.Sequential", "keras.models.Sequential")
_WITH_LOGITS = {
    "sigmoid_cross_entropy_with_logits": "binary_crossentropy",
    "softmax_cross_entropy_with_logits": "categorical_crossentropy",
    "sparse_softmax_cross_entropy_with_logits": "sparse_categorical_crossentropy",
}
_CROSS_ENTROPIES = frozenset(
    {
        *_WITH_LOGITS.values(),
        "binary_focal_crossentropy",
        "categorical_focal_crossentropy",
    }
)
# A function that calls none of these shows no last layer and no loss of it.
_TELLING = frozenset(
    {"compile", "Dense", "Conv1D", "Conv2D", "Conv3D", "Softmax", "Activation", "Sequential", "Model", *_WITH_LOGITS}
    | {"softmax", *_CROSS_ENTROPIES, "loss_fn", "loss_object", "criterion", "cross_entropy", "bce"}
)
# What a last layer is made of, and what a file has that shows its loss.
MADE_INTO_HEADS = _ACTIVATIONS | {"Dense", "EinsumDense", "Activation", "Softmax", "ReLU"}
MADE_INTO_HEADS |= {f"{name}{rank}D" for name in ("Conv", "Convolution") for rank in (1, 2, 3)}
TAKES_A_LOSS = frozenset({"compile", "losses", "metrics", "backend", *_WITH_LOGITS})
_SHORT = {"bce": "binary_crossentropy", "mse": "mean_squared_error", "mae": "mean_absolute_error"}


class Models:
    """What the variables of a file hold: `heads` of models and of tensors by variable, `losses` by variable.

    `pairs` are the heads and losses that meet, `single_softmaxes` the softmaxes along an axis of size 1, `trained` the
    variables that `compile` is called on.
    """

    def __init__(self, text: Places, constants: Mapping[str, float], seen: Survey) -> None:
        self.heads: dict[str, SourceHead] = {}
        self.pairs: list[SourcePair] = []
        self.single_softmaxes: list[SingleSoftmax] = []
        self.trained: set[str] = set()
        self._losses: dict[str, SourceLoss] = {}
        self._text = text
        self._constants = constants
        self._worth_it = seen.with_outer({function for name in _TELLING for _, function in seen.called.get(name, ())})

    def read(self, body: Iterable[ast.stmt], names: Names, inside: str | None = None) -> SourceHead | None:
        """Goes through a body and the functions in it; the head of the model that it returns."""
        returned = None
        for statement in own_statements(body):
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    if statement in self._worth_it:
                        self._function(statement, names)
                case ast.ClassDef():
                    self.read(statement.body, names, inside)
                case ast.Assign(targets=[target], value=value):
                    self._assign(target, value, names, inside)
                case ast.Return(value=value) if value is not None:
                    returned = self._head(value, names, inside)
                    self._calls(value, names, inside)
                case ast.Expr(value=value):
                    self._calls(value, names, inside)
                case _:
                    continue
        return returned

    def _function(self, function: ast.FunctionDef | ast.AsyncFunctionDef, names: Names) -> None:
        heads, losses = dict(self.heads), dict(self._losses)
        for one in (*function.args.args, *function.args.kwonlyargs):
            self.heads.pop(one.arg, None)
            self._losses.pop(one.arg, None)
        returned = self.read(function.body, names.inside(function), function.name)
        self.heads, self._losses = heads, losses
        if returned is not None:
            self.heads[f"{function.name}()"] = returned

    def _assign(self, target: ast.expr, value: ast.expr, names: Names, inside: str | None) -> None:
        key = path_of(target)
        head = self._head(value, names, inside)
        loss = self._loss(value, names, inside) if head is None else None
        self._calls(value, names, inside)
        if key is None:
            return
        self.heads.pop(key, None)
        self._losses.pop(key, None)
        if head is not None:
            self.heads[key] = head
        elif loss is not None:
            self._losses[key] = loss

    def _head(self, node: ast.expr, names: Names, inside: str | None) -> SourceHead | None:
        """The last layer of the model, or the layer that gave the tensor, that an expression stands for."""
        key = path_of(node)
        if key is not None:
            return self.heads.get(key)
        if not isinstance(node, ast.Call):
            return None
        dotted = names.resolve(node.func) or ""
        if dotted in _SEQUENTIAL:
            return self._stack(node, names, inside)
        if dotted in _MODELS:
            outputs = next((one.value for one in node.keywords if one.arg == "outputs"), None)
            outputs = outputs or (node.args[1] if len(node.args) > 1 else None)
            return self._head(outputs, names, inside) if outputs is not None else None
        if isinstance(node.func, ast.Call):
            before = self._head(node.args[0], names, inside) if node.args else None
            return self._layer(node.func, before, names, inside)
        activation = tensor_function(dotted)
        if activation in _ACTIVATIONS and node.args and not dotted.startswith("numpy"):
            before = self._head(node.args[0], names, inside)
            return self._activated(node, before, activation if _last_axis(node, 1) else None, inside)
        called = path_of(node.func)
        return self.heads.get(called) or self.heads.get(f"{called}()") if called is not None else None

    def _stack(self, node: ast.Call, names: Names, inside: str | None) -> SourceHead | None:
        """The last layer of a Sequential: what comes after a Dense and only activates it belongs to it."""
        given = node.args[0] if node.args else next((one.value for one in node.keywords if one.arg == "layers"), None)
        head = None
        for layer in given.elts if isinstance(given, ast.List | ast.Tuple) else ():
            head = self._layer(layer, head, names, inside) if isinstance(layer, ast.Call) else None
            self._single(head)
        return head

    def _layer(self, layer: ast.Call, before: SourceHead | None, names: Names, inside: str | None) -> SourceHead | None:
        dotted = names.resolve(layer.func) or ""
        if _UNITS.match(dotted):
            units = next((one.value for one in layer.keywords if one.arg in ("units", "filters")), None)
            size = self._number(units or (layer.args[0] if layer.args else None))
            activation = activation_of(layer, names)
            return SourceHead(self._text.place(layer, inside), None if size is None else int(size), activation)
        if _KEEPS_UNITS.match(dotted):
            return None if before is None else replace(before, activation=None)
        if _ACTIVATES.match(dotted):
            activation = (
                activation_of(layer, names) if _last_axis(layer, 0 if dotted.endswith("Softmax") else 9) else None
            )
            return self._activated(layer, before, activation, inside)
        return None

    def _activated(
        self, node: ast.Call, before: SourceHead | None, activation: str | None, inside: str | None
    ) -> SourceHead:
        units = before.units if before is not None else None
        # An activation upon another one is neither.
        twice = before is not None and before.activation not in (None, "linear")
        return SourceHead(self._text.place(node, inside), units, None if twice else activation)

    def _loss(self, node: ast.expr | None, names: Names, inside: str | None) -> SourceLoss | None:
        """The loss that an expression stands for: a name, a class of keras.losses or a variable that holds one."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._known(node, node.value, (), inside)
        if isinstance(node, ast.Call):
            dotted = names.resolve(node.func) or ""
            return self._known(node, dotted.rpartition(".")[2], node.keywords, inside) if _of_losses(dotted) else None
        key = path_of(node) if node is not None else None
        if key is not None and key in self._losses:
            return self._losses[key]
        dotted = (names.resolve(node) or "") if node is not None else ""
        if node is not None and _of_losses(dotted):
            return self._known(node, dotted.rpartition(".")[2], (), inside)
        return None

    def _known(
        self, node: ast.expr, name: str, keywords: Iterable[ast.keyword], inside: str | None
    ) -> SourceLoss | None:
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        snake = _SHORT.get(snake, snake)
        from_logits: bool | None = False if snake in _CROSS_ENTROPIES else None
        for keyword in keywords:
            if keyword.arg == "from_logits":
                if not isinstance(keyword.value, ast.Constant):
                    return None
                from_logits = bool(keyword.value.value)
        return SourceLoss(self._text.place(node, inside), snake, from_logits)

    def _calls(self, node: ast.expr, names: Names, inside: str | None) -> None:
        """Looks at the calls in an expression for heads that meet losses."""
        for call in calls_in(node):
            self._call(call, names, inside)

    def _call(self, call: ast.Call, names: Names, inside: str | None) -> None:
        dotted = names.resolve(call.func) or ""
        if _UNITS.match(dotted) or _ACTIVATES.match(dotted):
            self._single(self._layer(call, None, names, inside))
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        owner = path_of(call.func.value) if isinstance(call.func, ast.Attribute) else None
        if method == "add" and owner is not None and len(call.args) == 1:
            layer = call.args[0]
            head = self._layer(layer, self.heads.get(owner), names, inside) if isinstance(layer, ast.Call) else None
            self.heads.pop(owner, None)
            if head is not None:
                self.heads[owner] = head
        elif method == "compile" and owner is not None:
            self.trained.add(owner)
            given = next((one.value for one in call.keywords if one.arg == "loss"), None)
            given = given if given is not None else call.args[1] if len(call.args) > 1 else None
            self._meet(self.heads.get(owner), self._loss(given, names, inside))
        elif (tensor_function(dotted) or "") in _WITH_LOGITS:
            name = _WITH_LOGITS[tensor_function(dotted) or ""]
            given = next((one.value for one in call.keywords if one.arg == "logits"), None)
            given = given if given is not None else call.args[1] if len(call.args) > 1 else None
            loss = SourceLoss(self._text.place(call, inside), name, True)
            self._meet(self._head(given, names, inside) if given is not None else None, loss)
        elif len(call.args) > 1:
            self._taken(call, dotted, names, inside)
        head = self._head(call, names, inside) if isinstance(call.func, ast.Call) or tensor_function(dotted) else None
        self._single(head)

    def _taken(self, call: ast.Call, dotted: str, names: Names, inside: str | None) -> None:
        """A loss that is called with labels and outputs: a variable that holds one, or a function of keras.losses."""
        key = path_of(call.func)
        loss = self._losses.get(key) if key is not None else None
        last = dotted.rpartition(".")[2]
        if loss is None and _of_losses(dotted) and last.islower():
            loss = self._known(call, last, call.keywords, inside)
        if loss is not None:
            self._meet(self._head(call.args[1], names, inside), replace(loss, place=self._text.place(call, inside)))

    def _meet(self, head: SourceHead | None, loss: SourceLoss | None) -> None:
        if head is not None and loss is not None:
            pair = SourcePair(head, loss)
            if pair not in self.pairs:
                self.pairs.append(pair)

    def _single(self, head: SourceHead | None) -> None:
        if head is not None and head.units == 1 and head.activation == "softmax":
            found = SingleSoftmax(head.place, head.place.code)
            if all(one.place != found.place for one in self.single_softmaxes):
                self.single_softmaxes.append(found)

    def _number(self, node: ast.expr | None) -> float | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return float(node.value)
        key = path_of(node) if node is not None else None
        return self._constants.get(key) if key is not None else None


def _of_losses(dotted: str) -> bool:
    return dotted.startswith(("keras.losses.", "keras.metrics.", "keras.backend.")) and not dotted.endswith(".epsilon")


def _last_axis(call: ast.Call, place: int) -> bool:
    """Whether the call's axis is the last one: not given, or -1."""
    given = next((one.value for one in call.keywords if one.arg == "axis"), None)
    given = given if given is not None else call.args[place] if len(call.args) > place else None
    return given is None or (isinstance(given, ast.UnaryOp) and ast.unparse(given) == "-1")
