"""Which array or column of a file feeds which input of a model, and which are the labels."""

from __future__ import annotations

from collections.abc import Sequence

from nandoctor.probes.data.dataset import DataSet
from nandoctor.probes.data.match_arrays import match_arrays
from nandoctor.probes.data.match_table import match_table
from nandoctor.probes.data.matched import Matched, WantedInput


def match(data: DataSet, inputs: Sequence[WantedInput], outputs: Sequence[str], labels: str | None) -> Matched:
    """The file's arrays by input and output: by name, by convention (x and y, train before test), by shape and dtype.

    NandoctorError with exit code 3 if an input cannot be matched or its array does not fit, and with 2 if `labels`
    (the text of `--labels`) names what is not there.
    """
    if data.written is not None:
        return match_table(data, data.written, inputs, outputs, labels)
    return match_arrays(data, inputs, outputs, labels)
