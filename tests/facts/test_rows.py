import math

from nandoctor.facts import ArrayFacts, ColumnFacts, RowSample
from nandoctor.facts.rows import combinations, sampled
from nandoctor.stats import TensorStats


def array(name, *columns):
    return ArrayFacts(name, "input", None, "float64", (3, len(columns)), TensorStats(), columns)


A, B = ColumnFacts("a", TensorStats(), distinct=3), ColumnFacts("b", TensorStats(), distinct=2)
SAMPLE = RowSample((0, 2), (("t", "a"), ("t", "b")), ((1.0, math.nan), (2.0, math.nan)), ((1, 1, "red"),))


def test_rows_have_texts_and_nothing_where_there_is_no_value():
    rows = sampled(SAMPLE, (array("t", A, B),))

    assert rows is not None
    assert rows.keys() == [(1.0, 2.0), (None, "red")]
    assert rows.numbers == (0, 2)


def test_an_array_that_is_not_in_the_sample_has_no_rows():
    assert sampled(SAMPLE, (array("x", A),)) is None
    assert sampled(None, (array("t", A),)) is None


def test_how_many_rows_there_could_be():
    assert combinations((array("t", A, B),)) == 6
    assert combinations((array("t", A, ColumnFacts("c", TensorStats())),)) == math.inf
