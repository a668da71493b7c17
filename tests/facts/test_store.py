import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nandoctor.errors import UNEXAMINABLE, NandoctorError
from nandoctor.facts import (
    ArrayFacts,
    Cell,
    CheckNumericsFacts,
    ColumnFacts,
    DataFacts,
    Facts,
    HiddenFacts,
    Operand,
    Origin,
    StepFacts,
    SubjectFacts,
    WeightFacts,
)
from nandoctor.facts.store import dump_facts, parse_facts, save_facts
from nandoctor.finding import Tool
from nandoctor.stats import TensorStats

TOOL = Tool("nandoctor", "0.1", "2.21.0", None, "3.11")
STATS = TensorStats.of(np.array([0.0, -2.0, 1e300, np.nan, np.inf]), missing=1)


def facts_with(column: ColumnFacts) -> Facts:
    array = ArrayFacts("x", "input", "in", "float64", (6, 1), STATS, (column,))
    return Facts(TOOL, data=DataFacts("d.csv", 6, (array,), 32, ((0, 6),)))


def origin(**attributes: float | str) -> Origin:
    operand = Operand(0, "float32", (6, 1), STATS, "Softmax", "Softmax", "dense", None, (0.0, math.inf))
    return Origin(
        0,
        "op",
        "forward",
        "Log",
        "Log",
        None,
        STATS,
        "float32",
        (6, 1),
        (operand,),
        attributes,
        rows=(2,),
        reaches=("loss",),
    )


def step(*origins: Origin, losses: tuple[float, ...] = (0.5,)) -> Facts:
    return Facts(TOOL, step=StepFacts(1, 6, 9, losses, origins, ()))


def test_facts_come_back_as_they_were():
    column = ColumnFacts("age", STATS, (0.0, 0.5), (Cell(1, -2.0, "-2.0", 3),), repeated=((0.0, 2),), distinct=3)
    facts = facts_with(column)
    assert parse_facts(dump_facts(facts)) == facts
    assert parse_facts(dump_facts(step(origin(axis=-1, keep="yes")))) == step(origin(axis=-1, keep="yes"))


def test_the_histogram_keeps_its_whole_number_keys():
    parsed = parse_facts(dump_facts(facts_with(ColumnFacts("age", STATS))))
    assert parsed.data is not None
    assert parsed.data.arrays[0].stats == STATS
    assert parsed.data.arrays[0].stats.above(996) == 1


def test_non_finite_numbers_are_strings_in_the_file_and_numbers_after():
    cells = tuple(Cell(row, value) for row, value in enumerate((math.inf, -math.inf, math.nan)))
    text = dump_facts(facts_with(ColumnFacts("age", TensorStats(), bad=cells)))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    json.loads(text, parse_constant=refuse)
    parsed = parse_facts(text)
    assert parsed.data is not None
    values = [cell.value for cell in parsed.data.arrays[0].columns[0].bad]
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])
    again = parse_facts(dump_facts(step(losses=(math.nan, math.inf)))).step
    assert again is not None
    assert math.isnan(again.losses[0])
    assert again.losses[1] == math.inf


def test_non_finite_attributes_are_numbers_again():
    again = parse_facts(dump_facts(step(origin(alpha=math.inf, beta=math.nan, mode="same")))).step
    assert again is not None
    attributes = again.origins[0].attributes
    assert (attributes["alpha"], attributes["mode"]) == (math.inf, "same")
    assert math.isnan(attributes["beta"])


def test_whole_numbers_in_float_fields_stay_equal():
    facts = facts_with(ColumnFacts("age", replace(TensorStats(), mean=3), quantiles=(1, 2)))
    assert parse_facts(dump_facts(facts)) == facts


PARTS = {
    "subject": SubjectFacts,
    "data": DataFacts,
    "weights": WeightFacts,
    "step": StepFacts,
    "hidden": HiddenFacts,
    "check_numerics": CheckNumericsFacts,
}


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=10, suppress_health_check=[HealthCheck.data_too_large, HealthCheck.too_slow])
@given(data=st.data())
def test_every_part_is_written_back_the_same(part, data):
    facts = Facts(TOOL, unavailable={"data": "none given"}, **{part: data.draw(st.from_type(PARTS[part]))})
    text = dump_facts(facts)
    assert dump_facts(parse_facts(text)) == text


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"tool": 3}', '{"tool": {"name": "x"}}'])
def test_what_are_no_facts(text):
    with pytest.raises(NandoctorError, match="these are not nandoctor facts") as error:
        parse_facts(text)
    assert error.value.exit_code == UNEXAMINABLE


def test_saving_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text("old")
    save_facts(step(origin()), path)
    assert parse_facts(path.read_text()) == step(origin())
    assert [file.name for file in tmp_path.iterdir()] == ["facts.json"]


def test_a_failed_save_keeps_the_old_file(tmp_path):
    path = tmp_path / "facts.json"
    path.write_text("old")
    with pytest.raises(AttributeError):
        save_facts(Facts(TOOL, step="no facts"), path)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["facts.json"]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        save_facts(step(), tmp_path / "none" / "facts.json")
