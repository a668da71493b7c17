"""What is known of one feature of the records of a TFRecord file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["float_list", "int64_list", "bytes_list"]


@dataclass(frozen=True)
class Feature:
    """A feature: its `name`, its `kind`, and the `least` and the `most` values that a record has of it.

    Records without it, or with an empty list, are not counted in `least`. `text` says that all its bytes are short
    texts.
    """

    name: str
    kind: Kind
    least: int
    most: int
    text: bool

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind != "bytes_list"

    @property
    def column(self) -> bool:
        """Whether a record has one cell of it: a number or a short text."""
        return self.least == self.most == 1 and (self.numeric or self.text)
