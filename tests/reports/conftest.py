"""A sick and a healthy report, made by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from nandoctor.diagnosis.diagnose import diagnose
from nandoctor.facts import (
    Facts,
    History,
    LayerFacts,
    Operand,
    OptimizerFacts,
    Origin,
    RunFacts,
    SourceLine,
    StepFacts,
    SubjectFacts,
    TripFacts,
)
from nandoctor.finding import (
    BadCell,
    Band,
    ColumnRow,
    Finding,
    LayerRow,
    Link,
    Location,
    RecordedStep,
    Remedy,
    Report,
    ReportSubject,
    RulePage,
    RunReport,
    Skipped,
    Summary,
    Tool,
)
from nandoctor.stats import TensorStats

TOOL = Tool("nandoctor", "0.1.0", "2.21.0", "3.15.1", "3.11.7")

LOG_OF_ZERO = Finding(
    rule="ND201",
    cause="log-of-zero",
    severity="error",
    title="Logarithm of zero",
    message="Log of exactly 0: 2 of 64 values of its argument (which lies in 0..0.9931). The zeros come from the "
    "softmax in classifier/probabilities.",
    location=Location(
        file="train.py",
        line=41,
        function="surprise",
        code="    return -tf.math.log(probabilities)",
        layer="classifier/surprise",
        op="classifier/surprise/Log",
        op_type="Log",
        phase="forward",
        batch=1,
        rows=(3, 17),
        dataset_rows=(35, 49),
    ),
    evidence={"zeros": 2, "values": 64, "minimum": 0.0, "result": -math.inf},
    limits={"zeros": 0},
    chain=("loss-is-infinite", "log-of-zero", "unscaled-input"),
    remedies=(
        Remedy(
            "loss-from-logits",
            "Compute the loss from the logits instead of probabilities",
            patch="loss = keras.losses.CategoricalCrossentropy(from_logits=True)",
            verdict="verified",
            trial={
                "tried": "LogSoftmax of the logits",
                "loss_before": math.inf,
                "loss_after": 0.6931,
                "gradient_norm": 0.25,
                "rows_unchanged": 30,
                "rows_compared": 30,
                "largest_change": 2e-7,
                "updated_with": "w - 0.001 g",
            },
        ),
        Remedy("clip-argument", "Keep the argument above zero: tf.math.log(tf.maximum(x, 1e-7))"),
    ),
    consequences=(
        Finding(
            rule="ND208",
            cause="zero-times-inf",
            severity="error",
            title="Zero times infinity",
            message="0 * -Inf in the gradient of Log: 2 of 64 values.",
            location=Location(op="gradients/Log_grad/Mul", op_type="Mul", phase="backward", rows=(3, 17)),
            evidence={"values": math.nan},
        ),
    ),
    about="origin:0",
)

UNSCALED = Finding(
    rule="ND105",
    cause="unscaled-input",
    severity="warning",
    title="Unscaled input",
    message="Column income reaches 1.204e+05 and nothing rescales it before the first kernel; limit 100.",
    confidence="medium",
    location=Location(phase="data", columns=("income",)),
    evidence={"largest": 120400.5},
    limits={"largest": 100.0},
)

DUPLICATES = Finding(
    rule="ND115",
    cause="duplicate-rows",
    severity="note",
    title="Duplicate rows",
    message="12 of 64 rows appear more than once.",
    location=Location(phase="data"),
)

LAYERS = (
    LayerRow("classifier/dense", "Relu", "float32", 0.0, 812.4, 0, 0.51, None, 118.3, 4.2, 0.31),
    LayerRow("classifier/probabilities", "Softmax", "float16", 0.0, 1.0, 3, 0.02, 0.94, 15.999, None, None),
)


@pytest.fixture(scope="session")
def sick_report() -> Report:
    return Report(
        tool=TOOL,
        subject=ReportSubject("saved_model", "models/surprise"),
        summary=Summary(1, 1, 1, "sick"),
        findings=(LOG_OF_ZERO, UNSCALED, DUPLICATES),
        examined=(
            "64 rows of data.npz in 2 batches of 32",
            "loss: mean square of the outputs, as there are no labels",
        ),
        notices=("The model has 2 signatures; serving_default was examined, not predict.",),
        skipped=(Skipped("ND501", "loss-activation-mismatch", "no labels were given"),),
        layers=LAYERS,
        check_numerics={
            "ran": True,
            "tripped": False,
            "sees_inside": False,
            "message": None,
            "op_type": None,
            "tensor": None,
        },
    )


BAND = Band(64, 3, 1, 2, 1e-3, 1e-2, 0.5, 4.0, 8.0)


@pytest.fixture(scope="session")
def pictured_report(sick_report: Report) -> Report:
    """The sick report with a chain, and figures for every picture of the page."""
    links = (
        Link("nonfinite-loss", "the loss is Inf"),
        Link("log-of-zero", "Log of exactly 0", "inferred", {"zeros": 2}, "the logits are small"),
        Link("unscaled-input", "column income reaches 1.2e+05"),
    )
    cells = (BadCell(17, "nan", 19, "data.csv"), BadCell(41, "missing"))
    steps = enumerate((1.0, math.inf, math.nan))
    return replace(
        sick_report,
        findings=(replace(sick_report.findings[0], links=links), *sick_report.findings[1:]),
        layers=tuple(replace(row, activation=BAND, gradient=BAND) for row in sick_report.layers),
        columns=(ColumnRow("x", "income", "input", 0.0, 1.0, 2.0, 3.0, 4.0, 2, 1, BAND, cells),),
        columns_left_out=7,
        run=RunReport(
            3,
            "Training tripped at step 2: the loss is NaN",
            trip={"step": 2},
            recorded=tuple(RecordedStep(step, loss, 1.0, 0.1) for step, loss in steps),
        ),
        pages=(RulePage("ND201", "log-of-zero", "Logarithm of zero", {"": "About it.", "Remedy": "Do not."}),),
    )


@pytest.fixture(scope="session")
def healthy_report() -> Report:
    return Report(
        tool=TOOL,
        subject=ReportSubject("keras", "models/houses.keras"),
        summary=Summary(0, 0, 1, "healthy"),
        findings=(DUPLICATES,),
        examined=(
            "256 rows of houses.csv in 8 batches of 32, forward and backward",
            "1,204 op executions, the 6 variables, and the gradient of each of them",
            "nearest limit: layer classifier/dense reaches 812.4, 2^118 below the largest float32",
        ),
        layers=LAYERS[:1],
    )


@pytest.fixture(params=["sick", "healthy", "sick_run", "healthy_run"])
def report(request: pytest.FixtureRequest) -> Report:
    made: Report = request.getfixturevalue(f"{request.param}_report")
    return made


def diverging() -> RunFacts:
    """Gradient descent whose loss grows 30 times a step from step 12 on, and overflows at step 37."""
    losses = [*(2.0 - 0.02 * step for step in range(12)), *(1.8 * 30.0**step for step in range(25)), math.inf]
    gradients = [3.0 * (loss / 2.0) ** 0.5 for loss in losses]
    weights = [5.0 + (loss / 2.0) ** 0.5 for loss in losses[:-1]] + [0.0]
    return RunFacts(
        script="train.py",
        steps=38,
        optimizers=(
            OptimizerFacts(
                "SGD",
                38,
                history=History(
                    0,
                    tuple(losses),
                    (0.9,) * 38,
                    gradient_norms={"dense/kernel": tuple(gradients)},
                    weight_norms={"dense/kernel": tuple(weights)},
                ),
            ),
        ),
        trip=TripFacts("loss", 37, epoch=1, batch=5, learning_rate=0.9, bad=("loss",), reproduced=True),
        ways=("fit",),
        epochs=2,
    )


def squared_error() -> StepFacts:
    """The replay of that step: a square that overflows."""
    error = np.array([1.5e19, 2.5e19, 1.2e19, 1.9e19])
    operand = Operand(
        0, "float32", (4,), TensorStats.of(error), op="mse/sub", op_type="Sub", at_fault=TensorStats.of(error[1:2])
    )
    origin = Origin(
        id=0,
        kind="op",
        phase="forward",
        op="mse/SquaredDifference",
        op_type="SquaredDifference",
        layer=None,
        output=TensorStats.of(np.array([2e38, math.inf, 1e38, 3e38])),
        output_dtype="float32",
        output_shape=(4,),
        operands=(operand,),
        source=SourceLine("train.py", 12, "error", "return tf.math.squared_difference(y, p)"),
        rows=(1,),
        reaches=("loss", "gradient"),
    )
    return StepFacts(batches=1, rows=4, executions=31, losses=(math.inf,), origins=(origin,), layers=())


SCRIPT = SubjectFacts("script", "train.py", "training script", None, ())


def diagnosed(step: StepFacts, run: RunFacts) -> Report:
    """The report on these facts; a new rule that lacks others is not to change it."""
    return replace(diagnose(Facts(TOOL, subject=SCRIPT, step=step, run=run)), skipped=())


@pytest.fixture
def sick_run_report() -> Report:
    return diagnosed(squared_error(), diverging())


@pytest.fixture
def healthy_run_report() -> Report:
    losses = tuple(2.0 * 0.99**step for step in range(200))
    history = History(
        1004,
        losses,
        (0.001,) * 200,
        gradient_norms={"dense/kernel": losses},
        weight_norms={"dense/kernel": tuple(5.0 + 0.001 * step for step in range(200))},
    )
    run = RunFacts(
        "train.py",
        1204,
        (OptimizerFacts("Adam", 1204, epsilon=1e-7, history=history),),
        ways=("fit",),
        epochs=3,
        check_ups=(0, 400, 1203),
        cost=0.013,
    )
    dense = LayerFacts("dense", "dense/BiasAdd", "BiasAdd", "float32", TensorStats.of(np.array([-812.4, 30.0])), 32)
    step = StepFacts(batches=1, rows=32, executions=120, losses=(0.3,), origins=(), layers=(dense,))
    return diagnosed(step, run)
