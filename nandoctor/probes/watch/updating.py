"""The update of an optimizer behind its guard, in a graph or eagerly: made exactly once, or refused."""

from __future__ import annotations

import linecache
import time
from collections.abc import Sequence
from threading import get_ident
from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.callbacks import seen, unseen
from nandoctor.probes.compat.watching import is_compiled_by_xla, replica_number
from nandoctor.probes.watch.eager import Ran, tracing_of
from nandoctor.probes.watch.guard import Tracing, guarded_update
from nandoctor.probes.watch.noted import EAGER, Noted
from nandoctor.probes.watch.seen import Update
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.terms import TermRecord, terms_of

# TensorFlow's functions that clip are clip_by_norm, clip_by_value, clip_by_global_norm.
CLIPPING = "clip_by_"


def guard_traced(watch: Watch, optimizer: Any, grads: list[Any], trainable: Any, plain: Any) -> Any:
    """The guarded update; where the guard cannot be built the plain one. Either is in the graph exactly once."""
    update = None
    begun = time.perf_counter()
    try:
        with unseen():
            optimizing, update = _prepared(watch, optimizer, grads, trainable, plain)
            optimizing.clipped = optimizing.clipped or _clipped(update.gradients)
            noted = watch.notebook.turn(tf.compat.v1.get_default_graph())
            optimizing.lossless = not noted.losses
            _record_terms(optimizing, noted, update)
            return guarded_update(watch.tracings, optimizing.recorder, noted, update, skip=watch.skip)
    except Exception as error:
        if update is None or not update.placed:
            # Where the update itself is at fault this raises, too, and then it is the script's error.
            plain(optimizer, grads, trainable)
        watch.give_up(error)
        return None
    finally:
        watch.seconds += time.perf_counter() - begun


def _record_terms(optimizing: Optimizing, noted: Noted, update: Update) -> None:
    """Record the terms of the loss, where it has several. A step that runs eagerly has no graph that tells them."""
    pairs = zip(update.variables, optimizing.names, strict=False)
    names = {id(one.handle): name for one, name in pairs if hasattr(one, "handle")}
    compiled = is_compiled_by_xla(tf.compat.v1.get_default_graph())
    terms = terms_of([one for one in noted.losses if one.dtype.is_floating], names, compiled=compiled)
    if terms:
        optimizing.terms = optimizing.terms or TermRecord(tuple(terms))
        optimizing.terms.write(optimizing.recorder, terms)


def guard_eagerly(watch: Watch, optimizer: Any, grads: list[Any], trainable: Any, plain: Any) -> Any:
    """The update, looked at before and after; it is made exactly once, but for one that is refused."""
    update = None
    begun = time.perf_counter()
    try:
        watch.eager.update()
        with unseen():
            optimizing, update = _prepared(watch, optimizer, grads, trainable, plain)
            noted = watch.notebook.turn(EAGER)
            noted.losses = noted.losses or _given_by_a_function(watch)
            optimizing.lossless = not noted.losses
            made = optimizing.eagerly.update(noted, update, lambda: _traced(watch, optimizing, noted, update))
    except Exception as error:
        if update is None or not update.begun:
            watch.give_up(error)
            return plain(optimizer, grads, trainable)
        if not update.placed:
            raise
        watch.give_up(error)
        return None
    finally:
        watch.seconds += time.perf_counter() - begun
    with watch.working():
        # Before what comes next is recorded: a look runs ops, too.
        watch.poll(now=not made)
        if made:
            watch.eager.updated()
    return None


def _given_by_a_function(watch: Watch) -> list[Any]:
    """The losses of an update whose gradients a traced function gave: those that the function gave with them."""
    call = watch.differentiated.turn()
    return [] if call is None else list(call.losses)


def _traced(watch: Watch, optimizing: Optimizing, noted: Noted, update: Update) -> Tracing:
    """The step that has just run, in the place of the one before it, whose batch is let go."""
    with watch.schedule.preparing():
        number = optimizing.recorded or len(watch.tracings) + 1
        found = tracing_of(watch.eager.step, noted, update.gradients, update.variables, number)
        watch.tracings[number - 1 :] = [found, *watch.tracings[number:]]
        optimizing.recorded = number
        optimizing.clipped = optimizing.clipped or _clipped_on_a_line(watch.eager.step.ran)
        return found


def _clipped(gradients: Sequence[Any]) -> bool:
    """Whether any of these traced gradients was made by a function that clips: it opens a scope of its name."""
    values = [one.values if isinstance(one, tf.IndexedSlices) else one for one in gradients]
    return any(CLIPPING in one.op.name for one in values)


def _clipped_on_a_line(ran: Sequence[Ran]) -> bool:
    """Whether a line of the user's that ran eagerly calls a function that clips: no scope is opened there."""
    lines = {one.line[:2] for one in ran if one.line is not None}
    return any(CLIPPING in linecache.getline(file, line) for file, line in lines)


def _prepared(watch: Watch, optimizer: Any, grads: list[Any], trainable: Any, plain: Any) -> tuple[Optimizing, Update]:
    variables = list(optimizer._trainable_variables if trainable is None else trainable)
    pairs = [(one, _tensorflow_variable(v)) for one, v in zip(grads, variables, strict=True) if one is not None]
    with tf.init_scope():
        if not getattr(optimizer, "built", True):
            optimizer.build(variables)
    names = tuple(getattr(v, "path", v.name) for one, v in zip(grads, variables, strict=True) if one is not None)

    def run() -> Any:
        begun = time.perf_counter()
        # An optimizer within another one (a LossScaleOptimizer) is guarded with it; each replica has its own thread.
        watch.within.add(get_ident())
        try:
            with seen():
                return plain(optimizer, grads, trainable)
        finally:
            watch.within.discard(get_ident())
            # It is the script's own.
            watch.seconds -= time.perf_counter() - begun

    update = Update(
        [_tensor(one) for one, _ in pairs],
        [variable for _, variable in pairs],
        _learning_rate(optimizer),
        run,
        scale=loss_scale(optimizer),
    )
    return watch.optimized(optimizer, names, update.variables), update


def _tensor(gradient: Any) -> Any:
    """The gradient as a tensor, where it is held in a variable (that adds gradients up) or in an array."""
    return gradient if isinstance(gradient, tf.IndexedSlices) else tf.convert_to_tensor(gradient)


def loss_scale(optimizer: Any) -> Any:
    """What a LossScaleOptimizer multiplies the loss by and adapts, None for any other, and for one of a fixed scale."""
    if getattr(optimizer, "dynamic", None) is True:
        return optimizer.loss_scale
    return getattr(optimizer, "dynamic_scale", None)


def _learning_rate(optimizer: Any) -> Any:
    """The learning rate of the update at hand."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    rate = getattr(optimizer, "_learning_rate", None)
    if rate is not None and callable(rate) and not isinstance(rate, tf.Variable) and hasattr(rate, "get_config"):
        return rate(optimizer.iterations)
    return optimizer.learning_rate


def _tensorflow_variable(variable: Any) -> Any:
    """The tf.Variable behind a Keras variable; of a distributed one that of the replica that is being traced."""
    plain = variable if isinstance(variable, tf.Variable) else getattr(variable, "value", variable)
    local = getattr(plain, "values", None)
    return local[min(replica_number(), len(local) - 1)] if isinstance(local, tuple | list) else plain
