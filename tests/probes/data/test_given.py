from __future__ import annotations

import numpy as np
import pytest

from nandoctor.errors import NandoctorError
from nandoctor.probes.data.given import LABELS, data_given


def test_one_array_is_x() -> None:
    found = data_given(np.ones((3, 2)))

    assert {name: array.shape for name, array in found.arrays.items()} == {"x": (3, 2)}


def test_labels_go_with_arrays_that_have_names() -> None:
    found = data_given({"age": [1, 2], "income": [3.0, 4.0]}, np.zeros(2))

    assert list(found.arrays) == ["age", "income", LABELS]


@pytest.mark.parametrize("wrong", [3, object(), ([1, 2], [1]), [[1, "north"], [None, "south"]]])
def test_what_is_no_array_is_refused_in_a_line(wrong: object) -> None:
    with pytest.raises(NandoctorError, match=r"^x: .*no array") as refused:
        data_given(wrong)

    assert refused.value.exit_code == 2
    assert "\n" not in refused.value.message
