"""The hooks in TensorFlow and Keras: what they wrap, and what they do before and after.

What they do themselves runs inside `watch.working()`, where an error ends the watch and nothing else; the call that
they wrap does not: its errors are the script's.
"""

from __future__ import annotations

from threading import get_ident
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.watching import (
    is_function_graph,
    is_jit_compiled,
    loss_scale_optimizers,
    on_eager_backward,
)
from nandoctor.probes.watch.compiled import keep_arguments
from nandoctor.probes.watch.evaluation_hooks import install_evaluations
from nandoctor.probes.watch.noted import EAGER, flat_tensors
from nandoctor.probes.watch.patching import Undo, owner_of, wrapped
from nandoctor.probes.watch.session import Fitting, Watch
from nandoctor.probes.watch.updating import guard_eagerly, guard_traced


def install_tensorflow(watch: Watch) -> list[Undo]:
    """Hooks in the tape and in traced functions."""

    def gradient(plain: Any) -> Any:
        def run(self: Any, target: Any, sources: Any, *args: Any, **kwargs: Any) -> Any:
            with watch.working():
                _note_losses(watch, target)
            found = plain(self, target, sources, *args, **kwargs)
            with watch.working():
                if not watch.off:
                    pairs = zip(tf.nest.flatten(sources), tf.nest.flatten(found), strict=False)
                    watch.notebook.page(_graph()).gradients += pairs
            return found

        return run

    def call(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if watch.late and not watch.off:
                with watch.working():
                    watch.traced_before.meet(self)
            try:
                result = plain(self, *args, **kwargs)
            except tf.errors.InvalidArgumentError:
                _look(watch, now=True)
                raise
            if not watch.off and tf.executing_eagerly():
                with watch.working():
                    watch.differentiated.called(self, watch.notebook, (args, kwargs), result)
            if watch.tracings and not watch.off:
                with watch.working():
                    recorders = [one.recorder for one in watch.optimizing.values()]
                    recorders += watch.evaluating.recorders.values()
                    eagerly = tf.executing_eagerly()
                    keep_arguments(self, (args, kwargs), watch.tracings, recorders, called_eagerly=eagerly)
            _look(watch, now=bool(is_jit_compiled(self)))
            return result

        return run

    function = type(tf.function(lambda: 0))
    watch.eager.failed = watch.give_up

    def enter(plain: Any) -> Any:
        def run(self: Any) -> Any:
            result = plain(self)
            with watch.working():
                if tf.executing_eagerly() and not watch.off:
                    watch.eager.enter()
            return result

        return run

    def leave(plain: Any) -> Any:
        def run(self: Any, *args: Any) -> Any:
            result = plain(self, *args)
            with watch.working():
                if tf.executing_eagerly():
                    watch.eager.leave()
            return result

        return run

    def iterate(plain: Any) -> Any:
        def run(self: Any) -> Any:
            with watch.working():
                if not watch.off and watch.fitting is None and tf.executing_eagerly():
                    watch.looped_over.begun(self)
            return plain(self)

        return run

    return [
        wrapped(owner_of(tf.data.Dataset, "__iter__"), "__iter__", iterate),
        wrapped(tf.GradientTape, "__enter__", enter),
        wrapped(tf.GradientTape, "__exit__", leave),
        wrapped(tf.GradientTape, "gradient", gradient),
        wrapped(owner_of(function, "__call__"), "__call__", call),
        on_eager_backward(watch.eager.begin_gradient, watch.eager.end_gradient),
        watch.eager.pause,
    ]


def install_keras(watch: Watch, keras: Any) -> list[Undo]:
    """Hooks in Keras 3: the update of the weights, the loss of a model, fit."""

    def apply(plain: Any) -> Any:
        def run(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
            if watch.off or get_ident() in watch.within:
                return plain(self, grads, trainable_variables)
            if tf.executing_eagerly():
                return guard_eagerly(watch, self, list(grads), trainable_variables, plain)
            if not is_function_graph(tf.compat.v1.get_default_graph()):
                return plain(self, grads, trainable_variables)
            return guard_traced(watch, self, list(grads), trainable_variables, plain)

        return run

    return [
        wrapped(owner_of(keras.optimizers.Optimizer, "apply"), "apply", apply),
        wrapped(keras.optimizers.LossScaleOptimizer, "apply", apply),
        *_install_models(watch, keras),
    ]


def install_tf_keras(watch: Watch, keras: Any) -> list[Undo]:
    """Hooks in tf-keras (Keras 2): the update of the weights, of all of its kinds of optimizers, and as in Keras 3."""
    within_others: set[int] = set()

    def apply_gradients(plain: Any) -> Any:
        def run(self: Any, grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
            pairs = list(grads_and_vars)
            inner = getattr(self, "inner_optimizer", None)
            if inner is not None:
                within_others.add(id(inner))
            if id(self) in within_others:
                # With replicas it is called from threads of their own.
                return plain(self, pairs, *args, **kwargs)
            traced = is_function_graph(tf.compat.v1.get_default_graph())
            if watch.off or get_ident() in watch.within or not (traced or tf.executing_eagerly()):
                return plain(self, pairs, *args, **kwargs)

            def update(optimizer: Any, _grads: Any, _variables: Any) -> Any:
                return plain(optimizer, pairs, *args, **kwargs)

            build = guard_eagerly if tf.executing_eagerly() else guard_traced
            build(watch, self, [one for one, _ in pairs], [one for _, one in pairs], update)
            return self.iterations

        return run

    kinds = (keras.optimizers.Optimizer, keras.optimizers.legacy.Optimizer)
    owners = {owner_of(kind, "apply_gradients") for kind in (*kinds, *loss_scale_optimizers())}
    updates = [wrapped(owner, "apply_gradients", apply_gradients) for owner in owners]
    return [*updates, *_install_models(watch, keras)]


def _install_models(watch: Watch, keras: Any) -> list[Undo]:
    """Hooks in the models of either Keras: the loss, fit, its epochs."""

    def compute_loss(plain: Any) -> Any:
        def run(self: Any, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
            with watch.working():
                if not tf.executing_eagerly():
                    noted = watch.notebook.page(tf.compat.v1.get_default_graph())
                    noted.inputs, noted.labels, noted.predictions, noted.model = x, y, y_pred, self
                    noted.weights = args[0] if args else kwargs.get("sample_weight")
            loss = plain(self, x, y, y_pred, *args, **kwargs)
            with watch.working():
                if not tf.executing_eagerly():
                    watch.notebook.page(tf.compat.v1.get_default_graph()).loss = loss
            return loss

        return run

    def fit(plain: Any) -> Any:
        def run(self: Any, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
            split = bool(kwargs.get("validation_split"))
            before, watch.fitting = watch.fitting, Fitting(self, x, y, split)
            watch.fitted = watch.fitting
            watch.ways["fit"] = None
            try:
                result = plain(self, x, y, *args, **kwargs)
                _look(watch, now=True)
                return result
            finally:
                watch.fitting = before

        return run

    def make_train_function(plain: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            with watch.working():
                watch.traced_anew(self)
            return plain(self, *args, **kwargs)

        return run

    def on_epoch_begin(plain: Any) -> Any:
        def run(self: Any, epoch: int, *args: Any, **kwargs: Any) -> Any:
            with watch.working():
                watch.epoch_begins(epoch)
            return plain(self, epoch, *args, **kwargs)

        return run

    return [
        wrapped(owner_of(keras.Model, "compute_loss"), "compute_loss", compute_loss),
        wrapped(owner_of(keras.Model, "fit"), "fit", fit),
        wrapped(owner_of(keras.Model, "make_train_function"), "make_train_function", make_train_function),
        wrapped(keras.callbacks.CallbackList, "on_epoch_begin", on_epoch_begin),
        *install_evaluations(watch, keras),
    ]


def _look(watch: Watch, *, now: bool = False) -> None:
    if not watch.off and tf.executing_eagerly():
        with watch.working():
            watch.poll(now=now)


def _note_losses(watch: Watch, target: Any) -> None:
    if not watch.off:
        watch.notebook.page(_graph()).losses += flat_tensors(target)


def _graph() -> Any:
    return EAGER if tf.executing_eagerly() else tf.compat.v1.get_default_graph()
