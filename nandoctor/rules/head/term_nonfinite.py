"""ND503: which term of the loss is not finite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import StepFacts, TermFacts
from nandoctor.finding import Finding, Location, Remedy
from nandoctor.wording import listing, number, plural


@dataclass(frozen=True)
class TermNonfinite:
    """The loss is a sum, and this is the term of it that is not finite.

    What it finds:
        A loss of several terms (one for each output, a regularizer, what a layer adds) that is not finite because of
        some of them. Where all are, it names the one whose first non-finite value came first.

    Evidence:
        Which terms are not finite, in how many batches, which outputs they are computed from, and the range of the
        terms that stay finite.

    Limit and source:
        One batch (`batches`). The terms are the single numbers that the step's graph adds up to the loss.

    Remedy:
        Cure what made the term so: this finding stands under it. Until then the other terms can be trained alone, with
        a loss weight of 0 for an output left out (`loss_weights` in `compile`); 0 * Inf is NaN, so drop a term of your
        own from the sum rather than multiply it by 0.

    When it is fine:
        Never: a sum with a term that is not finite trains nothing.

    Example:
        inputs = keras.Input((2,))
        price = keras.layers.Identity(name="price")(keras.layers.Dense(1)(inputs))
        growth = keras.layers.Identity(name="growth")(keras.ops.log(inputs))
        model = keras.Model(inputs, {"price": price, "growth": growth})
        x = np.array([[1.0, 2.0], [0.0, 3.0]], np.float32)
    """

    code: ClassVar[str] = "ND503"
    cause: ClassVar[str] = "term-nonfinite"
    title: ClassVar[str] = "A term of the loss is not finite"

    batches: int = 0

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """At most one finding, about the first term that is not finite."""
        bad = [term for term in step.terms if term.stats.nonfinite > self.batches]
        if bad and len(step.terms) > 1:
            first = min(bad, key=lambda term: min(term.origins, default=len(step.origins)))
            yield self._finding(first, bad, [term for term in step.terms if term not in bad], step)

    def _finding(
        self, first: TermFacts, bad: Sequence[TermFacts], good: Sequence[TermFacts], step: StepFacts
    ) -> Finding:
        spans = [f"{term.name}, up to {number(term.stats.max_abs)}" for term in good]
        others = (
            f" {'The other stays' if len(good) == 1 else 'The others stay'} finite: {listing(spans, 4)}."
            if good
            else ""
        )
        if len(bad) > 1:
            names = listing([term.name for term in bad if term is not first], 4)
            others = f" So {'is' if len(bad) == 2 else 'are'} {names}, where non-finite values came later.{others}"
        where = "the only batch" if step.batches == 1 else f"{first.stats.nonfinite:,} of {step.batches:,} batches"
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=(
                f"Of the {plural(len(step.terms), 'term')} of the loss, {first.name} is not finite in {where}.{others}"
            ),
            location=Location(
                file=first.source.file if first.source else None,
                line=first.source.line if first.source else None,
                function=first.source.function if first.source else None,
                code=first.source.code if first.source else None,
                layer=first.layer,
                op=first.op,
                op_type=first.op_type,
                phase="forward",
            ),
            evidence={
                "batches": first.stats.nonfinite,
                "terms": len(step.terms),
                "nonfinite_terms": len(bad),
                "outputs": ", ".join(first.outputs),
            },
            limits={"batches": self.batches},
            remedies=(Remedy("without-the-term", "Train without the term until what made it so is cured"),),
            about=f"term:{first.op}",
        )
