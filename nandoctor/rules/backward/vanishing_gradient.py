"""ND308: a gradient that fades on its way to the first layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import GradientFacts, StepFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import number


@dataclass(frozen=True)
class VanishingGradient:
    """The gradient fades from the last layers to the first.

    What it finds:
        The gradient norm of the first trainable kernel (in the order of execution) is a small fraction of the last
        one's, and small in itself, also in relation to the weights, while the loss is not 0. Where several kernels
        read the same values (query, key and value of an attention) the one with the largest gradient stands for all:
        it shows how much of the gradient arrives there.

    Evidence:
        Both norms, their ratio, and the ratio of gradient to weights of both kernels.

    Limit and source:
        `ratio` (1e-3) of first to last norm and `norm` (1e-4) of the first: the conditions of AUTOTRAINER (Zhang et
        al., ICSE 2021). Beyond them the gradient-to-weight ratio must fall by `ratio` as well, which leaves out
        kernels that merely differ in scale. A network that is linear near its weights has nearly the same product of
        gradient and weight in each layer: measured on untrained ResNet50, DenseNet121, MobileNetV2 and EfficientNetB0
        the first norm is 0.18 to 58 times the last.

    Remedy:
        relu-like activations instead of sigmoid or tanh, residual connections, normalization layers, He or Glorot
        initialization; gates (LSTM, GRU) in recurrent layers.

    When it is fine:
        A converged model, whose gradients are all tiny together, is not reported; nor is one whose loss is at most
        `loss` (1e-6), which has nothing left to learn.

    Example:
        model = keras.Sequential([keras.Input((8,))])
        for seed in range(10):
            kernel = keras.initializers.GlorotUniform(seed=seed)
            model.add(keras.layers.Dense(8, activation="sigmoid", kernel_initializer=kernel))
        model.add(keras.layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(seed=99)))
        x = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    """

    ratio: float = 1e-3
    norm: float = 1e-4
    loss: float = 1e-6

    code: ClassVar[str] = "ND308"
    cause: ClassVar[str] = "vanishing-gradient"
    title: ClassVar[str] = "Vanishing gradient"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """At most one warning, on the first kernel."""
        if len(step.kernels) < 2 or not any(abs(loss) > self.loss for loss in step.losses):
            return
        first, last = _first(step.kernels), step.kernels[-1]
        if first.vanished or not first.ratio or not last.ratio:
            return
        ratio = first.norm / last.norm
        if ratio >= self.ratio or first.norm >= self.norm or first.ratio / last.ratio >= self.ratio:
            return
        yield Finding(
            rule=self.code,
            cause=self.cause,
            severity="warning",
            title=self.title,
            message=(
                f"The gradient norm is {number(first.norm)} at the first kernel {first.variable} (limit "
                f"{number(self.norm)}) and {number(last.norm)} at the last one {last.variable}: a ratio of "
                f"{number(ratio)} (limit {number(self.ratio)}). A step moves the first kernel by {number(first.ratio)} "
                f"of its size where it moves the last by {number(last.ratio)}, times the learning rate."
            ),
            location=Location(layer=first.layer, phase="backward"),
            evidence={
                "ratio": ratio,
                "norm": first.norm,
                "last_norm": last.norm,
                "gradient_to_weight": first.ratio,
                "last_gradient_to_weight": last.ratio,
                "loss": max(abs(loss) for loss in step.losses),
            },
            limits={"ratio": self.ratio, "norm": self.norm, "loss": self.loss},
            remedies=(
                Remedy("relu", "Use relu-like activations instead of sigmoid or tanh in the hidden layers"),
                Remedy("normalize", "Add normalization layers or residual connections"),
            ),
            about=f"gradient:{first.variable}",
        )


def _first(kernels: Sequence[GradientFacts]) -> GradientFacts:
    """The first kernel, or the one beside it that gets the largest gradient."""
    beside = [one for one in kernels if one.reads is not None and one.reads == kernels[0].reads]
    return max(beside, key=lambda one: one.norm, default=kernels[0])
