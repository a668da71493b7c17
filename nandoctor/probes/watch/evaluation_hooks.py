"""The hooks in evaluate and predict of either Keras, and in the steps that these consist of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import tensorflow as tf

from nandoctor.facts.run import EvaluationWay
from nandoctor.probes.watch.evaluated_again import evaluated_again, parts
from nandoctor.probes.watch.evaluating import guarded_evaluation
from nandoctor.probes.watch.noted import flat_tensors
from nandoctor.probes.watch.patching import Undo, owner_of, wrapped
from nandoctor.probes.watch.seen import Trip, all_finite
from nandoctor.probes.watch.session import Watch

STEPS = {"evaluate": ("test_step", "test_function"), "predict": ("predict_step", "predict_function")}


def install_evaluations(watch: Watch, keras: Any) -> list[Undo]:
    """Hooks in the models of a Keras: evaluate, predict, and the steps of each class of models that is met in them."""
    patches: dict[tuple[type, str], Undo] = {}
    met: dict[str, WeakSet[Any]] = {function: WeakSet() for _, function in STEPS.values()}

    def undo() -> None:
        for one in patches.values():
            one()
        # What is guarded is traced anew by whom is to evaluate again.
        for function, models in met.items():
            for model in models:
                setattr(model, function, None)

    def evaluating(way: EvaluationWay) -> Callable[[Any], Any]:
        step, function = STEPS[way]

        def make(plain: Any) -> Any:
            def run(self: Any, *args: Any, **kwargs: Any) -> Any:
                before = watch.evaluating.running
                with watch.working():
                    if not watch.off:
                        _begin(watch, way, args, kwargs)
                        if self not in met[function]:
                            met[function].add(self)
                            owner = owner_of(type(self), step)
                            if (owner, step) not in patches:
                                patches[owner, step] = wrapped(owner, step, _guarding(watch, owner, step))
                            # What was traced before is not guarded.
                            setattr(self, function, None)
                try:
                    results = plain(self, *args, **kwargs)
                    with watch.working():
                        if not watch.off:
                            watch.evaluated(results)
                    return results
                finally:
                    watch.evaluating.running = before

            return run

        return make

    return [
        wrapped(owner_of(keras.Model, "evaluate"), "evaluate", evaluating("evaluate")),
        wrapped(owner_of(keras.Model, "predict"), "predict", evaluating("predict")),
        undo,
    ]


def _begin(watch: Watch, way: EvaluationWay, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    given = dict(zip(("x", "y"), args, strict=False))
    x, y = given.get("x", kwargs.get("x")), None if way == "predict" else given.get("y", kwargs.get("y"))
    fitting = watch.fitting
    if fitting is None or not kwargs.get("_use_cached_eval_dataset"):
        watch.evaluating.begin(way, x, y, f"given to {way}")
    elif fitting.split:
        watch.evaluating.begin("validation", fitting.x, fitting.y, "given to fit")
    else:
        watch.evaluating.begin("validation", x, y, "given to fit as validation_data")


def _guarding(watch: Watch, owner: type, name: str) -> Callable[[Any], Any]:
    """A step of evaluate or predict that is guarded while it is traced, by the class that has the last word on it."""

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def guard(model: Any, data: Any, result: Any) -> None:
        with watch.working():
            if watch.off:
                return
            if tf.executing_eagerly():
                _look(watch, model, data, result)
            else:
                _guard(watch, model, data, result)

    def make(plain: Any) -> Any:
        # TensorFlow converts it with the step that it calls: what the watch does is not to be converted.
        def run(self: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
            result = plain(self, data, *args, **kwargs)
            if owner_of(type(self), name) is owner:
                guard(self, data, result)
            return result

        return run

    return make


def _guard(watch: Watch, model: Any, data: Any, result: Any) -> None:
    noted = watch.notebook.turn(tf.compat.v1.get_default_graph())
    if noted.loss is None:
        # A step that has no loss is judged by what it gives.
        x, y, weights = parts(data)
        noted.inputs, noted.labels, noted.weights, noted.predictions, noted.model = x, y, weights, result, model
    noted.losses = [] if noted.loss is None else [noted.loss]
    targets = [one for one in noted.losses or flat_tensors(result) if one.dtype.is_floating]
    guarded_evaluation(watch.tracings, watch.evaluating.recorder(), noted, targets)


def _look(watch: Watch, model: Any, data: Any, result: Any) -> None:
    """The step has run eagerly: look at what it gave, and keep the batch if that is not finite."""
    recorder = watch.evaluating.recorder()
    floats = [one for one in flat_tensors(result) if one.dtype.is_floating]
    looking = not watch.evaluating.located and not recorder.tripped()[0]
    if looking and not all_finite(floats):
        watch.tracings.append(evaluated_again(model, data, len(watch.tracings) + 1))
        recorder.trip(tf.constant(int(Trip.EVALUATION), tf.int64), len(watch.tracings))
    recorder.count()
