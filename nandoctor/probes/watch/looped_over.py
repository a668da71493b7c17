"""The tf.data sets that a script's own loops go over: where the batch of a step may have come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import ReferenceType, ref

MOST_KEPT = 4


@dataclass
class LoopedOver:
    """The last four data sets that a loop was begun over, as long as somebody else holds them."""

    _datasets: list[ReferenceType[Any]] = field(default_factory=list)

    def begun(self, dataset: Any) -> None:
        """A loop over the data set begins."""
        held = [one for one in self._datasets if one() is not None and one() is not dataset]
        self._datasets = [ref(dataset), *held][:MOST_KEPT]

    @property
    def datasets(self) -> list[Any]:
        """The data sets, that of the last loop first."""
        return [one for found in self._datasets if (one := found()) is not None]
