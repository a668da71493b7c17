from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nandoctor.diagnosis.links import with_links
from nandoctor.facts import Facts, History, LayerFacts, Operand, OptimizerFacts, RunFacts, TripFacts
from nandoctor.finding import Finding, Location
from nandoctor.stats import TensorStats

ZEROS = TensorStats(count=8, zeros=3, minimum=0.0, maximum=1.0)


@pytest.fixture
def softmax_rounded_to_zero(origin: Any, facts: Any) -> Facts:
    """Three of 4 rows have a logarithm of a zero that the softmax of the head gave, at step 2."""
    argument = Operand(0, "float32", (4, 2), ZEROS, op="head/Softmax", op_type="Softmax")
    at_fault = TensorStats(count=3, zeros=3, minimum=0.0, maximum=0.0)
    place = origin(0, op="loss/Log", operands=(replace(argument, at_fault=at_fault),))
    head = LayerFacts("head", "head/Softmax", "Softmax", "float32", ZEROS, 4, head=True, margin=104.0)
    history = History(0, (0.7, 3.0, float("inf")), (6.0, 6.0, 6.0))
    run = RunFacts("train.py", 3, (OptimizerFacts("SGD", 3, history=history),), TripFacts("loss", 2, reproduced=True))
    found: Facts = facts(place, run=run)
    assert found.step is not None
    return replace(found, step=replace(found.step, layers=(head,)))


def too_fast(log: Finding, **optimizer: Any) -> Finding:
    return Finding(
        "ND401",
        "learning-rate-too-high",
        "error",
        "Learning rate too high",
        "An update was 0.8 times as large as the weights. The rate is 6.",
        evidence={"update_ratio": 0.8},
        chain=("nonfinite-loss", "log-of-zero", "learning-rate-too-high"),
        consequences=(log,),
        **optimizer,
    )


def test_each_cause_of_the_chain_is_told_with_what_was_measured(finding: Any, softmax_rounded_to_zero: Facts) -> None:
    log = finding("log-of-zero", 0, location=Location(file="/home/me/losses.py", line=12, rows=(0, 1, 3)))

    linked = with_links(too_fast(log), softmax_rounded_to_zero)

    assert linked.chain == ("nonfinite-loss", "log-of-zero", "saturation", "learning-rate-too-high")
    assert [link.cause for link in linked.links] == list(linked.chain)
    assert [link.told for link in linked.links] == [
        "the loss is Inf at step 2",
        "log-of-zero (losses.py:12, 3 of 4 rows)",
        "the Softmax of head rounds to 0: its logits differ by up to 104 (limit of float32 87.34)",
        "An update was 0.8 times as large as the weights",
    ]
    assert linked.links[2].evidence["margin"] == 104.0
    assert linked.links[3].evidence == {"update_ratio": 0.8}


def test_only_what_was_not_seen_is_inferred(finding: Any, softmax_rounded_to_zero: Facts) -> None:
    linked = with_links(too_fast(finding("log-of-zero", 0)), softmax_rounded_to_zero)

    # That the zeros come from the softmax was seen; that the rate drove it there was not.
    assert [link.basis for link in linked.links] == ["measured", "measured", "inferred", "measured"]


def test_what_speaks_against_an_inference_is_told(finding: Any, softmax_rounded_to_zero: Facts) -> None:
    run, step = softmax_rounded_to_zero.run, softmax_rounded_to_zero.step
    assert run is not None
    assert step is not None
    clipped = replace(run, optimizers=(replace(run.optimizers[0], clip="global_clipnorm=1"),))
    facts = replace(softmax_rounded_to_zero, run=clipped, step=replace(step, rows=64))
    log = finding("log-of-zero", 0, location=Location(rows=(7,)))

    linked = with_links(too_fast(log), facts)

    assert linked.links[2].against == (
        "only 1 of 64 rows failed, where too long steps spoil most; the gradients were clipped (global_clipnorm=1)"
    )
    assert linked.links[1].against is None


def test_what_came_from_the_data_was_seen_to_come_from_there(finding: Any, facts: Any, origin: Any) -> None:
    nan = finding(
        "nan-in-data",
        "input:x",
        chain=("nonfinite-loss", "invalid-domain", "nan-in-data"),
        consequences=(finding("invalid-domain", 0),),
    )

    linked = with_links(nan, facts(origin(0)))

    assert {link.basis for link in linked.links} == {"measured"}


def test_unscaled_data_are_inferred_to_be_behind_a_rate(finding: Any, facts: Any) -> None:
    rate = finding("learning-rate-too-high", rule="ND401", evidence={"learning_rate": 0.5})
    unscaled = finding(
        "unscaled-input",
        rule="ND107",
        chain=("nonfinite-loss", "learning-rate-too-high", "unscaled-input"),
        consequences=(rate,),
    )

    linked = with_links(unscaled, facts())

    assert [link.basis for link in linked.links] == ["measured", "inferred", "measured"]
    assert linked.links[1].against == "the learning rate of 0.5 is large with scaled data, too (limit 0.1)"


def test_what_nothing_was_seen_to_follow_from_has_no_links(finding: Any, facts: Any) -> None:
    alone = finding("saturation", chain=("saturation",))

    assert with_links(alone, facts()) is alone
