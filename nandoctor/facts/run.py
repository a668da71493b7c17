"""What was observed while a training script ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from nandoctor.facts.origin import SourceLine
from nandoctor.facts.pipeline import PipelineFacts

EvaluationWay = Literal["evaluate", "predict", "validation"]
TripKind = Literal["loss", "gradient", "learning-rate", "weights", "evaluation", "other-worker"]


@dataclass(frozen=True)
class History:
    """The flight recorder: the last steps of one optimizer, oldest first; all sequences are as long as `loss`.

    `first_step` is the number (from 0) of the first of them. `loss` is the sum of the losses that gradients were taken
    of. `terms` are its parts by name. `gradient_norms` are the norms of each variable's gradient, `weight_norms`
    those of the variable after the step, `updates` the norm of the change over the norm of the variable (NaN where it
    was not measured). A NaN in `loss` or a norm is what was measured; all of `loss` is NaN where nobody knows it.
    `clipped` says that the script had clipped the gradients before it gave them to the optimizer, which is where they
    are recorded.
    """

    first_step: int
    loss: tuple[float, ...]
    learning_rate: tuple[float, ...]
    terms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    gradient_norms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    weight_norms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    updates: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    clipped: bool = False

    @property
    def steps(self) -> int:
        """How many steps are recorded."""
        return len(self.loss)

    def before(self, step: int) -> History:
        """The records of the steps before that one."""
        kept = slice(0, max(step - self.first_step, 0))
        return History(
            first_step=self.first_step,
            loss=self.loss[kept],
            learning_rate=self.learning_rate[kept],
            terms={name: values[kept] for name, values in self.terms.items()},
            gradient_norms={name: values[kept] for name, values in self.gradient_norms.items()},
            weight_norms={name: values[kept] for name, values in self.weight_norms.items()},
            updates={name: values[kept] for name, values in self.updates.items()},
            clipped=self.clipped,
        )

    def renamed(self, names: Mapping[str, str]) -> History:
        """The same record with other names for some of its variables."""
        norms = (self.gradient_norms, self.weight_norms, self.updates)
        gradients, weights, updates = ({names.get(name, name): one[name] for name in one} for one in norms)
        return replace(self, gradient_norms=gradients, weight_norms=weights, updates=updates)

    @property
    def norm_called(self) -> str:
        """What the gradients' norm is, for a message."""
        return "gradient norm after clipping" if self.clipped else "gradient norm"

    @property
    def gradient_norm(self) -> tuple[float, ...]:
        """The global norm of the gradients at each step."""
        return _global(self.gradient_norms, self.steps)

    @property
    def weight_norm(self) -> tuple[float, ...]:
        """The global norm of the variables after each step."""
        return _global(self.weight_norms, self.steps)


@dataclass(frozen=True)
class OptimizerFacts:
    """One optimizer of the script.

    `name` is its class ("Adam"), `steps` how many updates were asked for, `skipped` how many of them were left out for
    non-finite gradients by a LossScaleOptimizer, `skipped_in_a_row` the longest run of these, `loss_scale` the scale at
    the end (None without one). `epsilon` is added to a divisor in `dtype`; None where the optimizer has none.
    `momentum` is that of gradient descent, 0 for any other. `trains` is the name of the model whose weights it updates,
    told where there are several optimizers. `bad_slots` are the slot variables with non-finite values at the end or at
    the trip.
    """

    name: str
    steps: int
    dtype: str = "float32"
    epsilon: float | None = None
    schedule: str | None = None
    clip: str | None = None
    loss_scale: float | None = None
    skipped: int = 0
    skipped_in_a_row: int = 0
    momentum: float = 0.0
    trains: str | None = None
    bad_slots: tuple[str, ...] = ()
    history: History | None = None

    @property
    def told(self) -> str:
        """The optimizer with what it trains, as far as that is known."""
        return f"{self.name} for {self.trains}" if self.trains else self.name


@dataclass(frozen=True)
class TripFacts:
    """The moment at which the guard tripped.

    `kind` is what was not finite first, in the order of a step: the loss, a gradient of a finite loss, the learning
    rate, the weights after an update from finite gradients; or the result of an evaluation while training was finite.
    `step` counts the optimizer's updates from 0; `epoch` and `batch` (within the epoch) are known in `fit`.
    `optimizer` is the place of the optimizer in `RunFacts.optimizers`. `bad` are the names of the losses, gradients or
    variables that were not finite. `reproduced` says whether the replay of the step was non-finite too; `not_replayed`
    why there was no replay. `pipeline` is what was seen of the input pipeline of a batch that came out of it with
    values that are not finite, None for any other. `worker` and `replica` where the training was distributed.
    `constraints` are (variable, class) of the constraints that the update ends with. Of an evaluation `way` says which,
    `step` is how many updates were made before it, and `batch` counts its own batches. `rate_made` are the op of a
    schedule of the user's own that makes the learning rate not finite, and its line.
    """

    kind: TripKind
    step: int
    epoch: int | None = None
    batch: int | None = None
    optimizer: int = 0
    learning_rate: float | None = None
    bad: tuple[str, ...] = ()
    reproduced: bool | None = None
    not_replayed: str | None = None
    worker: int | None = None
    replica: int | None = None
    pipeline: PipelineFacts | None = None
    constraints: tuple[tuple[str, str], ...] = ()
    way: EvaluationWay | None = None
    rate_made: tuple[str, SourceLine] | None = None

    @property
    def made_by_pipeline(self) -> bool:
        """Whether a function of the input pipeline made the batch's values that are not finite."""
        return self.pipeline is not None and self.pipeline.maker is not None


@dataclass(frozen=True)
class EvaluationFacts:
    """A call of evaluate, predict, or a validation within fit: `way`, and how many of its results were not finite."""

    way: EvaluationWay
    bad: tuple[str, ...]
    values: int
    nonfinite: int
    epoch: int | None = None


@dataclass(frozen=True)
class RunFacts:
    """A watched run: what was trained how, what tripped, and the ends of its records.

    `ways` are how the script trains ("fit", "tf.function", "eager", "session"). `batch_norm_rows` is the smallest batch
    that a BatchNormalization layer was trained on, None without one; `batch_norm_values` the fewest values that such a
    layer took the statistics of one channel over (rows times places), `batch_norm_share` the share of the steps that
    had so few; None where that was not measured. `batch_normalizations` are the paths of these layers, where a model
    tells them. `skipped_updates` are the steps whose update was left out in order to
    go on. `check_ups` are the steps that were looked at op by op. `cost` is the share of the time that the watch took
    outside of the steps (what its checks add to a traced step cannot be told from the step), None where it was not
    measured.
    """

    script: str
    steps: int
    optimizers: tuple[OptimizerFacts, ...] = ()
    trip: TripFacts | None = None
    evaluations: tuple[EvaluationFacts, ...] = ()
    ways: tuple[str, ...] = ()
    epochs: int | None = None
    batch_norm_rows: int | None = None
    skipped_updates: tuple[int, ...] = ()
    seconds: float = 0.0
    batch_norm_values: int | None = None
    batch_norm_share: float | None = None
    batch_normalizations: tuple[str, ...] = ()
    check_ups: tuple[int, ...] = ()
    cost: float | None = None

    def renamed(self, names: Mapping[str, str]) -> RunFacts:
        """The same run with other names for some of its variables."""
        return replace(
            self,
            optimizers=tuple(
                replace(one, history=None if one.history is None else one.history.renamed(names))
                for one in self.optimizers
            ),
            trip=None
            if self.trip is None
            else replace(self.trip, bad=tuple(names.get(name, name) for name in self.trip.bad)),
        )

    @property
    def tripped_optimizer(self) -> OptimizerFacts | None:
        """The optimizer whose update tripped the guard."""
        if self.trip is None or self.trip.kind == "evaluation" or self.trip.optimizer >= len(self.optimizers):
            return None
        return self.optimizers[self.trip.optimizer]


def _global(norms: Mapping[str, tuple[float, ...]], steps: int) -> tuple[float, ...]:
    return tuple(sum(one[step] ** 2 for one in norms.values()) ** 0.5 for step in range(steps))
