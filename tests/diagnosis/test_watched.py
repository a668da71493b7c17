from __future__ import annotations

from typing import Any

import pytest

from nandoctor.diagnosis.watched import of_run, of_the_trip_first
from nandoctor.facts import RunFacts, TripFacts
from nandoctor.finding import Location

RULES = {
    "learning-rate-too-high": "ND401",
    "nonfinite-learning-rate": "ND403",
    "loss-scale-collapse": "ND404",
    "optimizer-epsilon": "ND405",
    "update-poison": "ND407",
    "val-only-nonfinite": "ND408",
    "unexplained-trip": "ND499",
    "unscaled-input": "ND107",
    "unscaled-target": "ND109",
    "nan-in-data": "ND101",
    "hidden-nonfinite": "ND219",
    "log-of-zero": "ND201",
    "sentinel-in-data": "ND105",
    "nonfinite-weights": "ND218",
    "float16-overflow": "ND212",
    "accumulation-overflow": "ND210",
    "exploding-gradient": "ND307",
}


@pytest.fixture
def of(finding: Any) -> Any:
    """`of("nan-in-data", ...)`: the finding under its rule's code, an error unless said otherwise."""
    return lambda cause, severity="error", about=None, **fields: finding(
        cause, about, severity, rule=RULES[cause], **fields
    )


def run(kind: Any = None, **trip: Any) -> RunFacts:
    return RunFacts("train.py", 40, trip=TripFacts(kind, 37, **trip) if kind else None)


def causes(findings: Any) -> list[Any]:
    return [(one.cause, [other.cause for other in one.consequences]) for one in findings]


def test_a_rate_that_is_too_high_is_the_root_of_what_overflowed(of: Any) -> None:
    overflow = of("accumulation-overflow", chain=("nonfinite-loss", "accumulation-overflow"))

    (root,) = of_run([overflow, of("learning-rate-too-high")], run("loss", reproduced=True))

    assert causes([root]) == [("learning-rate-too-high", ["accumulation-overflow"])]
    assert root.chain == ("nonfinite-loss", "accumulation-overflow", "learning-rate-too-high")


def test_unscaled_data_come_before_the_rate_that_is_too_high_for_them(of: Any) -> None:
    data = of("unscaled-input", "warning", evidence={"max_abs": 5000.0})
    rate = of("learning-rate-too-high", evidence={"learning_rate": 0.01, "first_update_norm": 5e5})
    overflow = of("accumulation-overflow", chain=("nonfinite-loss", "accumulation-overflow"))

    (root,) = of_run([data, overflow, rate], run("loss", reproduced=True))

    assert causes([root]) == [("unscaled-input", ["learning-rate-too-high", "accumulation-overflow"])]
    assert root.severity == "error"
    assert root.chain == ("nonfinite-loss", "accumulation-overflow", "learning-rate-too-high", "unscaled-input")
    assert root.message.endswith("A learning rate of 0.01 is too high for that: the training diverged.")


@pytest.mark.parametrize(
    ("cause", "magnitude", "first_update", "root"),
    [
        ("unscaled-input", 200.0, 2e7, "learning-rate-too-high"),  # too long even for scaled inputs
        ("unscaled-target", 4e7, 1e6, "unscaled-target"),
        ("unscaled-target", 2e3, 2e5, "learning-rate-too-high"),
        ("unscaled-input", 200.0, None, "unscaled-input"),  # nobody knows the first update
    ],
)
def test_which_of_the_two_is_the_root_is_a_matter_of_their_sizes(
    cause: str, magnitude: float, first_update: float | None, root: str, of: Any
) -> None:
    data = of(cause, "warning", evidence={"max_abs": magnitude})
    rate = of("learning-rate-too-high", evidence={"first_update_norm": first_update} if first_update else {})

    found = of_run([data, rate], run("loss", reproduced=True))

    assert found[0 if root == cause else -1].cause == root
    assert len(found) == (1 if root == cause else 2)


def test_nan_in_the_batch_is_no_consequence_of_the_rate(of: Any) -> None:
    found = of_run([of("nan-in-data"), of("learning-rate-too-high", "warning")], run("loss", reproduced=True))

    assert causes(found) == [("nan-in-data", []), ("learning-rate-too-high", [])]


def test_what_was_replayed_on_spoiled_weights_follows_from_the_update_and_that_from_epsilon(of: Any) -> None:
    weights = of("nonfinite-weights", chain=("nonfinite-loss", "nonfinite-weights"))

    (root,) = of_run([weights, of("optimizer-epsilon"), of("update-poison")], run("weights", reproduced=True))

    assert causes([root]) == [("optimizer-epsilon", ["update-poison", "nonfinite-weights"])]
    assert root.chain == ("nonfinite-weights", "update-poison", "optimizer-epsilon")


def test_of_several_ways_to_the_root_the_chain_is_the_one_from_what_tripped(of: Any) -> None:
    forward = of("accumulation-overflow", chain=("nonfinite-loss", "accumulation-overflow"))
    backward = of("exploding-gradient", chain=("nonfinite-gradients", "nonfinite-gradient", "exploding-gradient"))

    (root,) = of_run([backward, forward, of("learning-rate-too-high")], run("loss", reproduced=True))

    assert root.chain == ("nonfinite-loss", "accumulation-overflow", "learning-rate-too-high")


def test_a_loss_that_the_compiled_step_shows_as_finite_is_not_what_was_seen(of: Any) -> None:
    data = of("nan-in-data", chain=("nonfinite-loss", "nan-in-data"))

    (root,) = of_run([data], run("gradient", reproduced=True))

    assert root.chain == ("nonfinite-gradients", "nan-in-data")


def test_a_negative_rate_is_the_root_of_the_divergence(of: Any) -> None:
    (root,) = of_run([of("learning-rate-too-high"), of("nonfinite-learning-rate")], run("loss"))

    assert causes([root]) == [("nonfinite-learning-rate", ["learning-rate-too-high"])]


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("forward", [("float16-overflow", ["loss-scale-collapse"])]),
        ("backward", [("loss-scale-collapse", ["float16-overflow"])]),
    ],
)
def test_the_scale_collapses_for_what_overflows_forward_and_makes_overflow_what_goes_back(
    phase: Any, expected: list[Any], of: Any
) -> None:
    overflow = of("float16-overflow", location=Location(phase=phase))

    assert causes(of_run([overflow, of("loss-scale-collapse")], run("gradient", reproduced=True))) == expected


def test_what_the_replay_of_an_evaluation_shows_heads_that_evaluation_and_no_other(of: Any) -> None:
    tripped = run("evaluation", way="predict", reproduced=True)
    overflow = of("accumulation-overflow", chain=("nonfinite-outputs", "accumulation-overflow"))
    aside = of("nan-in-data")
    predicted, validated = (of("val-only-nonfinite", about=f"evaluation:{way}") for way in ("predict", "validation"))

    found = of_run([aside, overflow, predicted, validated], tripped)

    assert causes(found) == [
        ("nan-in-data", []),
        ("accumulation-overflow", ["val-only-nonfinite"]),
        ("val-only-nonfinite", []),
    ]
    assert found[1].chain == ("nonfinite-outputs", "val-only-nonfinite", "accumulation-overflow")
    assert of_run([predicted], tripped)[0].chain == ("nonfinite-outputs", "val-only-nonfinite")


def test_data_that_are_not_finite_head_an_evaluation_that_was_not_replayed(of: Any) -> None:
    assert causes(of_run([of("nan-in-data"), of("val-only-nonfinite")], run())) == [
        ("nan-in-data", ["val-only-nonfinite"])
    ]


@pytest.mark.parametrize(
    ("kind", "trip", "other", "kept"),
    [
        ("loss", {"reproduced": False}, None, True),
        ("loss", {"reproduced": False}, "accumulation-overflow", True),  # it was finite: something else is
        ("loss", {"reproduced": False}, "learning-rate-too-high", False),
        ("loss", {"reproduced": True}, "accumulation-overflow", False),
        ("loss", {"reproduced": True}, None, True),
        ("loss", {"not_replayed": "too large"}, "nan-in-data", False),
        ("loss", {"not_replayed": "too large"}, None, True),
        ("weights", {}, "update-poison", False),
        ("learning-rate", {}, "nonfinite-learning-rate", False),
        ("evaluation", {}, "val-only-nonfinite", False),
        ("loss", {"reproduced": True}, "val-only-nonfinite", True),
    ],
)
def test_a_trip_is_never_passed_over_in_silence(kind: str, trip: Any, other: str | None, kept: bool, of: Any) -> None:
    findings = [of("unexplained-trip"), *([of(other)] if other else [])]

    assert ("unexplained-trip" in [one.cause for one in of_run(findings, run(kind, **trip))]) is kept


def test_a_warning_explains_no_error(of: Any) -> None:
    found = of_run([of("learning-rate-too-high", "warning"), of("accumulation-overflow")], run("loss"))

    assert len(found) == 2


def test_what_leads_to_the_trip_comes_first_among_errors(of: Any) -> None:
    aside, towards = of("nan-in-data"), of("learning-rate-too-high", chain=("nonfinite-loss", "learning-rate-too-high"))
    warning = of("exploding-gradient", "warning", chain=("nonfinite-gradients",))

    assert of_the_trip_first([aside, towards, warning]) == (towards, aside, warning)


def test_a_sentinel_explains_the_overflow_in_its_own_rows_and_no_other(of: Any) -> None:
    sentinel = of("sentinel-in-data", "warning", location=Location(dataset_rows=(9, 40), columns=("0",)))
    here = of("accumulation-overflow", location=Location(dataset_rows=(9,)))
    elsewhere = of("exploding-gradient", location=Location(dataset_rows=(9, 12)))

    found = of_run([here, sentinel, elsewhere], run("loss", reproduced=True))

    assert causes(found) == [("sentinel-in-data", ["accumulation-overflow"]), ("exploding-gradient", [])]


def test_what_the_compiled_step_hides_of_the_data_follows_from_the_data(of: Any) -> None:
    data = of("nan-in-data", chain=("nonfinite-gradients", "nan-in-data"))
    hidden = of("hidden-nonfinite", location=Location(phase="data", op="x"))
    other = of("hidden-nonfinite", location=Location(phase="forward", op="Log"))
    logarithm = of("log-of-zero", location=Location(phase="forward", op="Log"))

    found = of_run([data, logarithm, hidden, other], run("gradient", reproduced=True))

    assert causes(found) == [("nan-in-data", ["hidden-nonfinite"]), ("log-of-zero", ["hidden-nonfinite"])]


def test_inputs_and_targets_together_may_account_for_the_first_update(of: Any) -> None:
    inputs = of("unscaled-input", "warning", evidence={"max_abs": 5e3})
    targets = of("unscaled-target", "warning", evidence={"max_abs": 1e6})
    rate = of("learning-rate-too-high", evidence={"first_update_norm": 6e7})

    found = of_run([inputs, targets, rate], run("loss", reproduced=True))

    assert causes(found) == [("unscaled-input", ["learning-rate-too-high"]), ("unscaled-target", [])]
