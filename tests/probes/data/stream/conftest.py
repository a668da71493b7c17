from __future__ import annotations

from collections.abc import Iterator

import pytest

from nandoctor.probes.data.stream import text_table


@pytest.fixture(scope="module", params=[0, text_table.SMALL_BYTES], ids=["duckdb", "one by one"])
def text_reader(request: pytest.FixtureRequest) -> Iterator[None]:
    """Small tables of text as DuckDB reads them, and as they are read without it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_table, "SMALL_BYTES", request.param)
        yield
