"""The hooks in TensorFlow 1: the update in a plain graph, and the session that runs it."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from nandoctor.probes.compat.callbacks import seen
from nandoctor.probes.compat.watching import is_function_graph
from nandoctor.probes.watch.guard import STOPPED
from nandoctor.probes.watch.patching import Undo, owner_of, wrapped
from nandoctor.probes.watch.session import Optimizing, Watch
from nandoctor.probes.watch.sessions import SessionUpdate, fetches_update, guarded_operation, session_tracing


def install_sessions(watch: Watch) -> list[Undo]:
    """Hooks in the optimizers and the sessions of TensorFlow 1; they do nothing in eager execution or in functions."""
    updates: list[SessionUpdate] = []
    losses: dict[int, list[Any]] = {}

    def compute_gradients(plain: Any) -> Any:
        def run(self: Any, loss: Any, *args: Any, **kwargs: Any) -> Any:
            if _plain_graph() and tf.is_tensor(loss):
                losses[id(self)] = [loss]
            return plain(self, loss, *args, **kwargs)

        return run

    def apply_gradients(plain: Any) -> Any:
        def run(self: Any, grads_and_vars: Any, *args: Any, **kwargs: Any) -> Any:
            pairs = list(grads_and_vars)
            made: list[Any] = []

            def update() -> Any:
                with seen():
                    made.append(plain(self, pairs, *args, **kwargs))
                return made[0]

            if not watch.off and _plain_graph():
                with watch.working():
                    own = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
                    guarded = guarded_operation(self, losses.pop(id(self), []), own, update)
                    updates.append(guarded)
                    recorder: Any = guarded.recorder
                    watch.optimizing[id(self)] = Optimizing(self, recorder, guarded.names)
                    watch.ways["session"] = None
                    return guarded.operation
            return made[0] if made else update()

        return run

    def run_session(plain: Any) -> Any:
        def run(self: Any, fetches: Any, feed_dict: Any = None, *args: Any, **kwargs: Any) -> Any:
            asked = [] if watch.off else [one for one in updates if fetches_update(fetches, one)]
            if not asked:
                return plain(self, fetches, feed_dict, *args, **kwargs)
            try:
                values, rows = plain(self, [fetches, [one.fetched for one in asked]], feed_dict, *args, **kwargs)
            except tf.errors.InvalidArgumentError as error:
                if STOPPED in str(error):
                    with watch.working():
                        _tripped(watch, asked, self, feed_dict or {})
                raise
            for one, row in zip(asked, rows, strict=True):
                one.recorder.kept.append(row)
                one.recorder.updates += 1
            return values

        return run

    optimizer, session = tf.compat.v1.train.Optimizer, owner_of(tf.compat.v1.Session, "run")
    return [
        wrapped(optimizer, "compute_gradients", compute_gradients),
        wrapped(optimizer, "apply_gradients", apply_gradients),
        wrapped(session, "run", run_session),
    ]


def _plain_graph() -> bool:
    return not tf.executing_eagerly() and not is_function_graph(tf.compat.v1.get_default_graph())


def _tripped(watch: Watch, asked: list[SessionUpdate], session: Any, feed: Any) -> None:
    update = asked[0]
    number = len(watch.tracings) + 1
    tracing, kind = session_tracing(update, session, feed, number)
    watch.tracings.append(tracing)
    update.recorder.trip = (int(kind), number, update.recorder.updates)
    watch.poll(now=True)
