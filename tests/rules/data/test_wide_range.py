from __future__ import annotations

import numpy as np

from nandoctor.rules.data.wide_range import WideRange


def test_a_column_over_many_magnitudes_is_a_warning(array, data):
    values = np.exp2(np.linspace(-40, 40, 400))

    (finding,) = WideRange().check(data(array(values)))

    assert (finding.cause, finding.severity, finding.evidence["binades"]) == ("wide-range", "warning", 80)
    assert 70 < finding.evidence["bulk"] < 80
    assert finding.limits == {"binades": 40}


def test_a_few_residues_of_a_computation_are_a_note(array, data, normal):
    values = normal(1000, 1)
    values[:3] = 1e-17

    (finding,) = WideRange().check(data(array(values)))

    assert finding.severity == "note"


def test_silent_on_normal_data_with_zeros(array, data, normal):
    values = normal(10_000, 2)
    values[:5000] = 0

    assert not list(WideRange().check(data(array(values))))
