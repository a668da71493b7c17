from __future__ import annotations

from typing import Any

from nandoctor.diagnosis.folding import folded
from nandoctor.facts import ArrayFacts, DataFacts
from nandoctor.finding import Location


def causes(findings: Any) -> list[Any]:
    """The causes with those folded under them."""
    return [(one.cause, [other.cause for other in one.consequences]) for one in findings]


def test_what_an_origin_fed_is_its_consequence(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0), origin(1, parents=(0,)), origin(2, parents=(1,)))
    findings = [finding("zero-times-inf", 2), finding("log-of-zero", 0), finding("inf-minus-inf", 1)]

    found = folded(findings, observed)

    assert causes(found) == [("log-of-zero", ["inf-minus-inf", "zero-times-inf"])]
    assert found[0].chain == ("nonfinite-loss", "zero-times-inf", "inf-minus-inf", "log-of-zero")


def test_an_origin_in_between_that_no_rule_explains_breaks_no_chain(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0), origin(1, parents=(0,)), origin(2, parents=(1,)))

    found = folded([finding("zero-times-inf", 2), finding("log-of-zero", 0)], observed)

    assert causes(found) == [("log-of-zero", ["zero-times-inf"])]


def test_origins_that_have_nothing_to_do_with_each_other_are_both_roots(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0), origin(1))

    assert causes(folded([finding("log-of-zero", 0), finding("exp-overflow", 1)], observed)) == [
        ("log-of-zero", []),
        ("exp-overflow", []),
    ]


def test_a_mask_is_not_the_cause_of_what_was_made_of_it(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0, kind="constant"), origin(1, parents=(0,)))

    found = folded([finding("nonfinite-constant", 0), finding("softmax-of-all-minus-inf", 1)], observed)

    assert causes(found) == [("nonfinite-constant", []), ("softmax-of-all-minus-inf", [])]


def test_the_gradient_of_an_op_follows_from_its_result(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0, op="net/Log"), origin(1, op="net/Log", phase="backward", reaches=("gradient",)))

    found = folded([finding("division-gradient", 1), finding("log-of-zero", 0)], observed)

    assert causes(found) == [("log-of-zero", ["division-gradient"])]


def test_a_result_that_was_squashed_again_is_as_bad_as_its_gradient(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(
        origin(0, op="net/Log", reaches=(), absorbed_by=("Tanh",)),
        origin(1, op="net/Log", phase="backward", reaches=("gradient",)),
    )

    found = folded([finding("log-of-zero", 0, "note"), finding("division-gradient", 1)], observed)

    assert causes(found) == [("log-of-zero", ["division-gradient"])]
    assert found[0].severity == "error"
    assert found[0].chain == ("nonfinite-gradients", "division-gradient", "log-of-zero")


def test_a_result_that_a_where_leaves_out_follows_from_the_trap(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(
        origin(0, op="net/Log", reaches=(), selected_by="net/SelectV2"),
        origin(1, op="net/Log", phase="backward", reaches=("gradient",)),
    )

    found = folded([finding("log-of-zero", 0, "note"), finding("where-gradient-trap", 1)], observed)

    assert causes(found) == [("where-gradient-trap", ["log-of-zero"])]


def test_a_trap_stays_the_cause_where_the_result_left_out_is_used_in_its_gradient(
    origin: Any, finding: Any, facts: Any
) -> None:
    observed = facts(
        origin(0, op="net/Exp", reaches=("gradient",), selected_by="net/SelectV2"),
        origin(1, op="net/Exp", phase="backward", reaches=("gradient",), parents=(0,)),
    )

    found = folded([finding("exp-overflow", 0), finding("where-gradient-trap", 1)], observed)

    assert causes(found) == [("where-gradient-trap", ["exp-overflow"])]


def test_what_came_with_the_data_is_explained_by_the_data(origin: Any, finding: Any, facts: Any) -> None:
    data = DataFacts("d.npz", 4, (ArrayFacts("features", "input", "x", "float32", (4, 2), None),))
    observed = facts(origin(0, kind="input", op="x"), origin(1, parents=(0,)), data=data)

    found = folded([finding("zero-times-inf", 1), finding("nan-in-data", "input:features")], observed)

    assert causes(found) == [("nan-in-data", ["zero-times-inf"])]


def test_what_was_stored_is_explained_by_the_weights(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0, kind="variable", op="dense/kernel"), origin(1, parents=(0,)))

    found = folded([finding("zero-times-inf", 1), finding("nonfinite-weights", "variable:dense/kernel")], observed)

    assert causes(found) == [("nonfinite-weights", ["zero-times-inf"])]


def test_one_finding_an_origin_the_surest(origin: Any, finding: Any, facts: Any) -> None:
    sure, unsure = finding("log-of-zero", 0), finding("nonfinite-operation", 0, confidence="low", rule="ND100")

    assert folded([unsure, sure], facts(origin(0)))[0].cause == "log-of-zero"
    assert len(folded([unsure, sure], facts(origin(0)))) == 1


def test_causes_that_imply_each_other(finding: Any, facts: Any) -> None:
    findings = [
        finding("zero-gradient", "gradient:a", "warning"),
        finding("dead-relu", "layer:a", "warning"),
        finding("unscaled-input", "input:x", "warning"),
    ]

    found = folded(findings, facts())

    assert causes(found) == [("dead-relu", ["zero-gradient"]), ("unscaled-input", [])]


def test_nothing_severe_is_put_under_what_is_harmless(finding: Any, facts: Any) -> None:
    findings = [finding("zero-gradient", "gradient:a", "error"), finding("dead-relu", "layer:a", "note")]

    assert len(folded(findings, facts())) == 2


def test_of_origins_that_follow_from_each_other_the_first_is_the_root(origin: Any, finding: Any, facts: Any) -> None:
    observed = facts(origin(0, parents=(1,)), origin(1, parents=(0,)))

    assert causes(folded([finding("exp-overflow", 0), finding("inf-minus-inf", 1)], observed)) == [
        ("exp-overflow", ["inf-minus-inf"])
    ]


def test_what_follows_from_a_consequence_is_put_under_the_root_in_order_of_execution(
    origin: Any, finding: Any, facts: Any
) -> None:
    overflow, nan = finding("accumulation-overflow", 0), finding("zero-times-inf", 1)
    huge = finding("huge-weights", "variable:dense/kernel")

    (root,) = folded([nan, overflow, huge], facts(origin(0), origin(1, parents=(0,))))

    assert [one.cause for one in root.consequences] == ["accumulation-overflow", "zero-times-inf"]
    assert root.chain == ("nonfinite-loss", "zero-times-inf", "accumulation-overflow", "huge-weights")


def test_huge_weights_that_are_a_warning_explain_no_error(origin: Any, finding: Any, facts: Any) -> None:
    roots = folded([finding("accumulation-overflow", 0), finding("huge-weights", None, "warning")], facts(origin(0)))

    assert len(roots) == 2


def test_inputs_of_zeros_explain_dead_units_and_the_missing_gradient(finding: Any, facts: Any) -> None:
    dead, still = finding("dead-relu", None, "warning"), finding("zero-gradient", None, "warning")
    zeros = finding("constant-column", "input:x", "warning", evidence={"largest": 0.0})
    fives = finding("constant-column", "input:x", "warning", evidence={"largest": 5.0})
    one_column = finding("constant-column", "input:x", "note")

    assert [one.cause for one in folded([zeros, dead, still], facts())] == ["constant-column"]
    assert [one.cause for one in folded([fives, dead, still], facts())] == ["constant-column"]
    assert {one.cause for one in folded([fives, still], facts())} == {"constant-column", "zero-gradient"}
    assert {one.cause for one in folded([one_column, dead], facts())} == {"constant-column", "dead-relu"}


def test_a_constant_label_does_not_explain_the_infinity_in_it(origin: Any, finding: Any, facts: Any) -> None:
    array = ArrayFacts("y", "label", "out", "float32", (4, 1), None)
    data = DataFacts("d.npz", 4, (array,))
    infinite, constant = finding("inf-in-data", "label:y"), finding("constant-column", "label:y", "note")

    roots = folded([constant, infinite], facts(origin(0, kind="input", op="labels y"), data=data))

    assert {one.cause: one.chain for one in roots} == {
        "inf-in-data": ("nonfinite-loss", "inf-in-data"),
        "constant-column": ("constant-column",),
    }


def test_kernels_of_zeros_explain_the_dead_units_of_their_own_layer(finding: Any, facts: Any) -> None:
    zeros = finding("bad-initialization", None, "error", location=Location(layer="a"))
    own = finding("dead-relu", None, "warning", location=Location(layer="a"))
    other = finding("dead-relu", None, "warning", location=Location(layer="b"))

    assert causes(folded([zeros, own], facts())) == [("bad-initialization", ["dead-relu"])]
    assert len(folded([zeros, other], facts())) == 2
