"""What is known of the model before it runs: its inputs, its heads, its loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nandoctor.stats import TensorStats

KERNEL_OPS = frozenset(
    {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "XlaDotV2"}
    | {"SparseMatMul", "SparseTensorDenseMatMul"}
    | {"Conv1D", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv"}
    | {"While", "StatelessWhile", "TensorListFromTensor", "CudnnRNN", "CudnnRNNV3"}
)
"""Ops that multiply their input by a kernel, or the loop around a recurrent layer's."""

Activation = Literal["softmax", "sigmoid", "tanh", "relu", "linear", "other"]


@dataclass(frozen=True)
class InputFacts:
    """One input of the model and what the graph does with it first.

    `shape` has None for free axes. `consumers` are the op types that read it first (casts and reshapes
    skipped), `embeds` whether it is looked up in an embedding table, `scaled_by` the name of the op or layer
    (a normalization, a multiplication by a constant) that rescales it before the first nonlinearity, None
    without one. `at_first_kernel` are the statistics of what reaches the first kernel (matrix product or
    convolution), None where there is none downstream.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    consumers: tuple[str, ...] = ()
    embeds: bool = False
    scaled_by: str | None = None
    at_first_kernel: TensorStats | None = None

    def reaches_kernel(self, magnitude: float) -> bool:
        """Whether values of that magnitude arrive at a kernel as they are: not looked up, not rescaled, not squashed.

        Where what reaches the first kernel was not measured, one of the first readers must be a kernel.
        Half the magnitude is enough: fewer rows may have gone through the model than were profiled.
        """
        if self.embeds or self.scaled_by is not None:
            return False
        if self.at_first_kernel is not None:
            return self.at_first_kernel.max_abs >= magnitude / 2
        return not KERNEL_OPS.isdisjoint(self.consumers)


@dataclass(frozen=True)
class HeadFacts:
    """One output of the model.

    `units` is the size of the last axis (1 for a rank-1 output, None if unknown); `activation` what the last
    operation does; `earlier_activation` a softmax or sigmoid that feeds directly into `activation` (a
    doubled activation), None without. `stats` are over the outputs of the inference pass; `row_sums` the
    smallest and largest sum over the last axis.
    """

    output: str
    layer: str | None
    op: str | None
    op_type: str | None
    units: int | None
    shape: tuple[int | None, ...]
    dtype: str
    activation: Activation
    earlier_activation: Activation | None = None
    stats: TensorStats | None = None
    row_sums: tuple[float, float] | None = None


@dataclass(frozen=True)
class LossFacts:
    """The loss of the step.

    `name` is Keras' snake-case name (`binary_crossentropy`), the function's own for a user's loss, or
    `mean-square-of-outputs`. `chosen` says where it came from; `reason` is a sentence for the report.
    `from_logits` is None where the loss has no such option. `output` is the head it is applied to (None for
    all), `label` the array it compares with.
    """

    name: str
    chosen: Literal["compiled", "given", "inferred", "outputs"]
    reason: str
    from_logits: bool | None = None
    output: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class SubjectFacts:
    """The model: where it came from, what it takes and gives, and how its step was made.

    `format` is for people ("SavedModel (Keras export)", ".keras file"). `training_behaviour` says whether the
    gradients were taken with training behaviour (BatchNorm on the batch, Dropout on); `notices` are
    sentences that the report must show (several signatures, no gradients and why).
    """

    kind: Literal["saved_model", "keras", "script", "data"]
    path: str
    format: str
    signature: str | None
    inputs: tuple[InputFacts, ...]
    heads: tuple[HeadFacts, ...] = ()
    losses: tuple[LossFacts, ...] = ()
    training_behaviour: bool = False
    notices: tuple[str, ...] = ()

    def input_named(self, name: str | None) -> InputFacts | None:
        """The input of that name; None if there is none."""
        return next((entry for entry in self.inputs if entry.name == name), None)

    def target(self, label: str, output: str | None) -> tuple[LossFacts, HeadFacts | None] | None:
        """The loss that compares with the label array (bound to `output`), and the head it judges where that is clear.

        None where no loss takes that array.
        """
        for loss in self.losses:
            if loss.chosen == "outputs":
                continue
            for_all = loss.label is None and loss.output is None
            bound = output is not None and output in (loss.output, loss.label)
            if for_all or bound or loss.label == label:
                wanted = loss.output or output
                heads = [head for head in self.heads if head.output == wanted] or list(self.heads)
                return loss, heads[0] if len(heads) == 1 else None
        return None
