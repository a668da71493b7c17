"""What was observed of the input pipeline of a batch that came out of it with values that are not finite."""

from __future__ import annotations

from dataclasses import dataclass

from nandoctor.facts.origin import Origin, SourceLine


@dataclass(frozen=True)
class PipelineFacts:
    """The input pipeline that a watched `fit` was given.

    `source` says what it reads ("arrays", "a.csv", "Python code"), `source_finite` whether the values there are finite
    as far as they were looked at, None where they were not. `functions` are the functions of its `map` calls in order.
    `maker` is the place in `functions` of the one that made values that are not finite from finite ones, None where
    there is none or it could not be told; `origin` the op in it, where it was run op by op; `row` the row of the source
    that this was seen with. `not_examined` says why the pipeline was not run again.
    """

    source: str
    source_finite: bool | None = None
    functions: tuple[SourceLine, ...] = ()
    maker: int | None = None
    origin: Origin | None = None
    row: int | None = None
    not_examined: str | None = None
