"""What a model wants of a data file, and what it was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nandoctor.probes.data.ragged import Ragged
from nandoctor.stats import Array


@dataclass(frozen=True)
class WantedInput:
    """One input of a model: shape with None for free axes (the batch first), numpy's dtype name or "string"."""

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    ragged: bool = False

    def __str__(self) -> str:
        """The input as messages show it: `pixels (None, 28, 28, 1) float32`."""
        return f"{self.name} {self.shape} {'ragged ' if self.ragged else ''}{self.dtype}"


@dataclass(frozen=True)
class Binding:
    """An array of the file and the input or output of the model that it is bound to.

    `name` is the key in the file ("table" for several columns of a csv), `raw` the values as the file has them
    (float64 for a csv), `fed` the same in the shape and dtype of the input (of a label: `raw` itself). `columns`
    are the names of a csv's columns, in the order of the last axis; empty for other formats.
    """

    name: str
    bound_to: str
    raw: Array | Ragged
    fed: Array | Ragged
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Matched:
    """A data set matched to a model.

    `notes` are sentences that say what was done to the data, `unused` the names in the file that feed nothing.
    """

    rows: int
    input_bindings: tuple[Binding, ...]
    label_bindings: tuple[Binding, ...] = ()
    notes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def inputs(self) -> Mapping[str, Array | Ragged]:
        """What to feed, by input name."""
        return {binding.bound_to: binding.fed for binding in self.input_bindings}

    @property
    def labels(self) -> Mapping[str, Array]:
        """The targets by output name, in the shape and dtype they have in the file."""
        return {binding.bound_to: binding.fed for binding in self.label_bindings if not isinstance(binding.fed, Ragged)}
