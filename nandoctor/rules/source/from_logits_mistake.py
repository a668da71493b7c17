"""ND809: from_logits against the activation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import SourceFacts, SourcePair
from nandoctor.finding import Finding, Remedy
from nandoctor.rule import explain_source


@dataclass(frozen=True)
class FromLogitsMistake:
    """`from_logits` says the opposite of what the last activation gives.

    What it finds:
        A cross-entropy with `from_logits=True`, or a `*_with_logits` function, of the outputs of a softmax or
        sigmoid; a cross-entropy without `from_logits=True` of a last layer without activation.

    Evidence:
        The loss, its `from_logits`, the activation and the line of the last layer.

    Limit and source:
        Probabilities that are taken for logits are squashed again: 0..1 becomes 0.5..0.73, and a row of probabilities
        can never be certain. Logits that are taken for probabilities are clipped to 1e-7..1 - 1e-7 by Keras, where
        they have no gradient. Both train badly without an error being raised.

    Remedy:
        Either no activation and `from_logits=True` (numerically the better), or the activation and the default.

    When it is fine:
        Where `from_logits` is no constant, or head and loss are not both visible in the file, nothing is reported.

    Example:
        import keras

        model = keras.Sequential([keras.layers.Dense(10)])
        model.compile(optimizer="adam", loss=keras.losses.SparseCategoricalCrossentropy())
    """

    code: ClassVar[str] = "ND809"
    cause: ClassVar[str] = "from-logits-mistake"
    title: ClassVar[str] = "from_logits does not fit the last activation"

    def check(self, source: SourceFacts) -> Iterator[Finding]:
        """One finding for each pair that contradicts itself."""
        for file in source.files:
            for pair in file.pairs:
                if pair.loss.from_logits is True and pair.head.activation in ("softmax", "sigmoid"):
                    yield self._explain(pair, "takes logits and gets probabilities, which it squashes again")
                elif pair.loss.from_logits is False and pair.head.activation == "linear":
                    yield self._explain(pair, "takes probabilities and gets logits, which it clips")

    def _explain(self, pair: SourcePair, why: str) -> Finding:
        activation = "no activation" if pair.head.activation == "linear" else pair.head.activation
        return explain_source(
            self,
            pair.loss.place,
            f"{pair.loss.name} (from_logits={pair.loss.from_logits}) {why}: the last layer in line "
            f"{pair.head.place.line} ends with {activation}.",
            severity="warning",
            phase="forward",
            evidence={
                "loss": pair.loss.name,
                "from_logits": str(pair.loss.from_logits),
                "activation": str(pair.head.activation),
                "head_line": pair.head.place.line,
            },
            remedies=(Remedy("from-logits", "Leave the activation out and set from_logits=True"),),
        )
