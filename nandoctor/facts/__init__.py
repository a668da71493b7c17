"""What was observed: plain, savable data that rules read. Nothing here imports TensorFlow."""

from nandoctor.facts.data import (
    ArrayFacts,
    Cell,
    ColumnFacts,
    DataFacts,
    Dialect,
    RejectedRow,
    RowSample,
    SplitFacts,
)
from nandoctor.facts.examination import CheckNumericsFacts, Disagreement, Facts, HiddenFacts
from nandoctor.facts.layers import AbsorbedFacts, GradientFacts, LayerFacts, LoopFacts, NearLimit, TermFacts
from nandoctor.facts.origin import Operand, Origin, Refusal, SourceLine
from nandoctor.facts.pipeline import PipelineFacts
from nandoctor.facts.run import EvaluationFacts, History, OptimizerFacts, RunFacts, TripFacts
from nandoctor.facts.source import (
    DiscardedResult,
    FlaggedColumn,
    FlaggedData,
    SingleSoftmax,
    SourceFacts,
    SourceFile,
    SourceFit,
    SourceHead,
    SourceLoss,
    SourceOperand,
    SourceOperation,
    SourcePair,
    SourcePlace,
    SourceRate,
)
from nandoctor.facts.step import StepFacts
from nandoctor.facts.subject import HeadFacts, InputFacts, LossFacts, SubjectFacts
from nandoctor.facts.weights import VariableFacts, WeightFacts

__all__ = [
    "AbsorbedFacts",
    "ArrayFacts",
    "Cell",
    "CheckNumericsFacts",
    "ColumnFacts",
    "DataFacts",
    "Dialect",
    "Disagreement",
    "DiscardedResult",
    "EvaluationFacts",
    "Facts",
    "FlaggedColumn",
    "FlaggedData",
    "GradientFacts",
    "HeadFacts",
    "HiddenFacts",
    "History",
    "InputFacts",
    "LayerFacts",
    "LoopFacts",
    "LossFacts",
    "NearLimit",
    "Operand",
    "OptimizerFacts",
    "Origin",
    "PipelineFacts",
    "Refusal",
    "RejectedRow",
    "RowSample",
    "RunFacts",
    "SingleSoftmax",
    "SourceFacts",
    "SourceFile",
    "SourceFit",
    "SourceHead",
    "SourceLine",
    "SourceLoss",
    "SourceOperand",
    "SourceOperation",
    "SourcePair",
    "SourcePlace",
    "SourceRate",
    "SplitFacts",
    "StepFacts",
    "SubjectFacts",
    "TermFacts",
    "TripFacts",
    "VariableFacts",
    "WeightFacts",
]
