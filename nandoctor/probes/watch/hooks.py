"""The hooks in TensorFlow and Keras: what they wrap, and what they do before and after."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.watching import is_function_graph
from nandoctor.probes.watch.guard import Update, guarded_update
from nandoctor.probes.watch.noted import flat_tensors
from nandoctor.probes.watch.recorder import Recorder
from nandoctor.probes.watch.session import Fitting, Optimizing, Watch

Undo = Callable[[], None]


def owner_of(kind: type, name: str) -> type:
    """The class in whose body the method stands."""
    return next(one for one in kind.__mro__ if name in vars(one))


def wrapped(owner: type, name: str, make: Callable[[Any], Any]) -> Undo:
    """Put `make(method)` in the place of a method; returns what takes it away again."""
    plain = vars(owner)[name]
    setattr(owner, name, functools.wraps(plain)(make(plain)))
    return lambda: setattr(owner, name, plain)


def install_tensorflow(watch: Watch) -> list[Undo]:
    """Hooks in the tape and in traced functions."""

    def gradient(plain: Any) -> Any:
        def run(self: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            _note_losses(watch, target)
            return plain(self, target, sources, *args, **kwargs)

        return run

    def call(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                result = plain(self, *args, **kwargs)
            except tf.errors.InvalidArgumentError:
                if tf.executing_eagerly():
                    watch.poll(now=True)
                raise
            if tf.executing_eagerly():
                watch.poll()
            return result

        return run

    function = type(tf.function(lambda: 0))
    return [wrapped(tf.GradientTape, "gradient", gradient), wrapped(owner_of(function, "__call__"), "__call__", call)]


def install_keras(watch: Watch, keras: Any) -> list[Undo]:
    """Hooks in Keras 3: the update of the weights, the loss of a model, fit."""

    def apply(plain: Any) -> Any:
        def run(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
            if watch.off or tf.executing_eagerly() or not is_function_graph(tf.compat.v1.get_default_graph()):
                return plain(self, grads, trainable_variables)
            return _guard(watch, self, list(grads), trainable_variables, plain)

        return run

    def compute_loss(plain: Any) -> Any:
        def run(self: Any, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
            if not tf.executing_eagerly():
                noted = watch.notebook.page(tf.compat.v1.get_default_graph())
                noted.inputs, noted.labels, noted.predictions, noted.model = x, y, y_pred, self
            return plain(self, x, y, y_pred, *args, **kwargs)

        return run

    def fit(plain: Any) -> Any:
        def run(self: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
            before, watch.fitting = watch.fitting, Fitting(self, x, y)
            try:
                result = plain(self, x, y, *args, **kwargs)
                watch.poll(now=True)
                return result
            finally:
                watch.fitting = before

        return run

    return [
        wrapped(owner_of(keras.optimizers.Optimizer, "apply"), "apply", apply),
        wrapped(owner_of(keras.Model, "compute_loss"), "compute_loss", compute_loss),
        wrapped(owner_of(keras.Model, "fit"), "fit", fit),
    ]


def _note_losses(watch: Watch, target: Any) -> None:
    if watch.off or tf.executing_eagerly():
        return
    graph = tf.compat.v1.get_default_graph()
    watch.notebook.page(graph).losses += flat_tensors(target)


def _guard(watch: Watch, optimizer: Any, grads: list[Any], trainable: Any, plain: Any) -> None:
    variables = list(optimizer._trainable_variables if trainable is None else trainable)
    pairs = [(one, _tensorflow_variable(v)) for one, v in zip(grads, variables, strict=True) if one is not None]
    with tf.init_scope():
        if not optimizer.built:
            optimizer.build(variables)
    if id(optimizer) not in watch.optimizing:
        names = tuple(getattr(v, "path", v.name) for one, v in zip(grads, variables, strict=True) if one is not None)
        watch.optimizing[id(optimizer)] = Optimizing(optimizer, Recorder(len(pairs)), names)
    guarded_update(
        watch.tracings,
        watch.optimizing[id(optimizer)].recorder,
        watch.notebook.turn(tf.compat.v1.get_default_graph()),
        Update(
            [one for one, _ in pairs],
            [variable for _, variable in pairs],
            optimizer.learning_rate,
            lambda: plain(optimizer, grads, trainable),
        ),
        skip=watch.skip,
    )


def _tensorflow_variable(variable: Any) -> Any:
    return getattr(variable, "value", variable) if not isinstance(variable, tf.Variable) else variable
