"""ND222: TensorFlow refuses to run an op on these values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from nandoctor.facts import Refusal, StepFacts
from nandoctor.finding import Finding, Remedy
from nandoctor.wording import plural


@dataclass(frozen=True)
class OpRaisesError:
    """An op raised an error instead of giving a result.

    What it finds:
        TensorFlow's kernel refused the values it was given: an id outside of an embedding's table, a class id outside
        of the loss's classes, a check in the model that did not hold. The rest of that batch was not examined.

    Evidence:
        The op, its layer, TensorFlow's own sentence, in how many of the batches it was raised, and the rows that raise
        it in the first of them, found by running that batch again without rows.

    Limit and source:
        One batch. Some of these checks are made on a CPU only: on a GPU an id outside of the table gives zeros and a
        class id outside of the classes gives a NaN loss, without a word (documentation of `tf.gather` and
        `tf.nn.sparse_softmax_cross_entropy_with_logits`).

    Remedy:
        Bring the values into the range that TensorFlow's sentence names, or make the table or the head larger.
        Else leave the rows out.

    When it is fine:
        Never for data that the model is to be trained on or used with.

    Example:
        model = keras.Sequential([keras.Input((3,), dtype="int32"), keras.layers.Embedding(10, 2)])
        x = np.array([[0, 1, 2], [7, 10, 9]], np.int32)
    """

    code: ClassVar[str] = "ND222"
    cause: ClassVar[str] = "op-raises-error"
    title: ClassVar[str] = "TensorFlow refuses the values"

    def check(self, step: StepFacts) -> Iterator[Finding]:
        """One finding for each op that raised an error."""
        for refusal in step.refusals:
            yield self._finding(refusal, step.batches)

    def _finding(self, refusal: Refusal, batches: int) -> Finding:
        said = refusal.said.partition(" Label values:")[0].rstrip(". ")
        of_all = plural(batches, "batch")
        note = f" {refusal.rows_note}" if refusal.rows_note else ""
        return Finding(
            rule=self.code,
            cause=self.cause,
            severity="error",
            title=self.title,
            message=f"{refusal.op_type} raised an error in {refusal.batches:,} of {of_all}: {said}.{note}",
            location=refusal.location(),
            evidence={"batches": refusal.batches, "error": refusal.said},
            limits={"batches": 0},
            remedies=(
                Remedy("values-in-range", "Bring the values into the range that the message names"),
                Remedy("drop-rows", "Leave out the rows that it refuses"),
            ),
            about=f"refusal:{refusal.op}",
        )
