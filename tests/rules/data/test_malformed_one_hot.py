from __future__ import annotations

import numpy as np

from nandoctor.rules.data.malformed_one_hot import MalformedOneHot


def one_hot(rows=300):
    return {f"colour_{name}": (np.arange(rows) % 3 == place).astype(float) for place, name in enumerate("rgb")}


def test_a_row_of_two_classes_is_a_warning(table):
    columns = one_hot()
    columns["colour_r"][16] = 1

    (finding,) = MalformedOneHot().check(table({**columns, "flag_a": np.arange(300) % 2}))

    assert (finding.cause, finding.severity) == ("malformed-one-hot", "warning")
    assert finding.location.dataset_rows == (16,)
    assert finding.location.columns == ("colour_r", "colour_g", "colour_b")
    assert (finding.evidence["wrong"], finding.evidence["several"], finding.limits["share"]) == (1, 1, 0.99)


def test_a_row_of_no_class_is_a_note(table):
    columns = one_hot()
    columns["colour_g"][16] = 0

    (finding,) = MalformedOneHot().check(table(columns))

    assert finding.severity == "note"


def test_silent_on_one_hot_left_out_categories_and_several_labels(table):
    left_out = dict([*list(one_hot().items())[:2], ("colour_x", np.zeros(300)), ("colour_y", np.arange(300) % 7 == 0)])
    several = {f"tag_{bit}": np.arange(300) >> bit & 1 for bit in range(4)}

    assert not list(MalformedOneHot().check(table(one_hot())))
    assert not list(MalformedOneHot().check(table(left_out)))
    assert not list(MalformedOneHot().check(table(several)))
