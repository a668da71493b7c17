"""ND126: values that an input pipeline made non-finite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from nandoctor.facts import ArrayFacts, DataFacts, Origin, PipelineFacts, RunFacts, TripFacts
from nandoctor.facts.written_call import kept_above
from nandoctor.finding import Finding, Location, Remedy, Scalar
from nandoctor.wording import number

CALLS_PYTHON = frozenset({"PyFunc", "EagerPyFunc", "PyFuncStateless"})


@dataclass(frozen=True)
class NonfiniteFromPipeline:
    """A map function of the input pipeline makes values that are not finite.

    What it finds:
        A batch reached the model with NaN or infinities, although what the pipeline reads is finite: a function given
        to `map` made them, by a division by a zero sum, a logarithm of zero, a normalization of a constant row.

    Evidence:
        The function with its file and line; where it could be run again, the op in it that made the values, what that
        op was given, and a row of the source with which it happens. Python functions are called again only in a
        training that has stopped; else the map function is named where it is the only one.

    Limit and source:
        One value. IEEE 754: any arithmetic with NaN gives NaN.

    Remedy:
        Guard the op in the map function, as one would in the model: `x / tf.maximum(total, 1e-6)`, `tf.math.log1p`,
        `tf.math.divide_no_nan`; or filter such rows out before it.

    When it is fine:
        Where the model itself replaces NaN, which then must happen before the first layer that sums.

    Example:
        import keras
        import numpy as np
        import tensorflow as tf

        def share(x, y):
            return x / tf.reduce_sum(x), y

        x = np.array([[1, 1], [0, 0], [2, 1], [1, 0]], "float32")
        data = tf.data.Dataset.from_tensor_slices((x, np.zeros((4, 1), "float32")))
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(data.map(share).batch(2), verbose=0)
    """

    code: ClassVar[str] = "ND126"
    cause: ClassVar[str] = "nonfinite-from-pipeline"
    title: ClassVar[str] = "The input pipeline makes values that are not finite"

    def check(self, run: RunFacts, data: DataFacts | None = None) -> Iterator[Finding]:
        """One finding for each array of the failing batch that came out of the pipeline so."""
        trip = run.trip
        if trip is None or trip.pipeline is None or not trip.made_by_pipeline:
            return
        arrays = data.arrays if data is not None else ()
        bad = [one for one in arrays if one.stats is not None and one.stats.nonfinite]
        for array in bad:
            yield self._explain(trip, trip.pipeline, data, array)
        if not bad:
            yield self._explain(trip, trip.pipeline, data, None)

    def _explain(
        self, trip: TripFacts, pipeline: PipelineFacts, data: DataFacts | None, array: ArrayFacts | None
    ) -> Finding:
        origin = pipeline.origin
        function = pipeline.functions[pipeline.maker or 0]
        source = (origin.source if origin else None) or function
        cells = [cell for column in array.columns for cell in column.bad] if array else []
        columns = [column.name for column in array.columns if column.bad] if array else []
        # The number of an array's only column says nothing.
        named = columns if array is None or len(array.columns) > 1 or not all(map(str.isdigit, columns)) else ()
        where = data.location(named, cells) if data else Location()
        rows = (pipeline.row,) if where.dataset_rows is None and pipeline.row is not None else where.dataset_rows
        what = f"{array.role} {array.name!r} of the batch" if array else "the batch"
        finite = "all values looked at there are finite" if pipeline.source_finite else "its values were not looked at"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"{what[0].upper()}{what[1:]} left the input pipeline with values that are not finite (limit 0). The "
                f"pipeline reads {pipeline.source}: {finite}. {function.function or 'A function'}, given to map, makes "
                f"them: {_deed(pipeline)}."
            ),
            confidence="high" if origin is not None else "medium",
            location=replace(
                where,
                file=source.file or None,
                line=source.line or None,
                function=source.function,
                code=source.code,
                op=origin.op if origin else None,
                op_type=origin.op_type if origin else None,
                phase="data",
                step=trip.step,
                epoch=trip.epoch,
                batch=trip.batch,
                dataset_rows=rows,
            ),
            evidence=_evidence(origin, pipeline),
            limits={"nonfinite": 0},
            remedies=(
                Remedy("guard-the-maker", f"Guard the op in the map function: {_guarded(origin)}"),
                Remedy("drop-rows", "Filter out the rows that it cannot deal with, before it"),
            ),
            about=array.about if array else "pipeline",
        )


def _deed(pipeline: PipelineFacts) -> str:
    origin = pipeline.origin
    if origin is None:
        reason = pipeline.not_examined or "its ops were not run one by one"
        return f"there is no other function that could ({reason})"
    row = "" if pipeline.row is None else f", for example with row {pipeline.row} of the source"
    operands = [number(operand.values_at_fault[0]) for operand in origin.floats if operand.values_at_fault]
    values = f" (operands {', '.join(operands)})" if operands else ""
    called = origin.source.function if origin.source is not None and origin.op_type in CALLS_PYTHON else None
    what = f"what {called} gave" if called else f"its {origin.op_type}"
    return f"of {what} {origin.results}{values}{row}"


def _guarded(origin: Origin | None) -> str:
    """The op that made the values, guarded, in the user's own words where they are known."""
    if origin is not None and origin.op_type == "Log":
        return kept_above(origin.source, "tf.math.log", "1e-6")
    if origin is not None and origin.op_type in ("RealDiv", "Div"):
        return "tf.math.divide_no_nan in place of the division, or tf.maximum(divisor, 1e-6)"
    return "tf.math.divide_no_nan, log1p, a maximum"


def _evidence(origin: Origin | None, pipeline: PipelineFacts) -> dict[str, Scalar]:
    found: dict[str, Scalar] = {"functions": len(pipeline.functions)}
    if origin is not None:
        found |= {"nonfinite": origin.output.nonfinite, "values": origin.output.count}
    return found
