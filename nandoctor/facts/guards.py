"""Remedies that depend on what was measured: they must not spoil the values, or the rows, that are fine."""

from __future__ import annotations

from nandoctor.facts.origin import Operand, Origin
from nandoctor.finding import Remedy
from nandoctor.wording import plural

REMAINDERS = frozenset({"FloorMod", "Mod", "FloorDiv", "TruncateDiv"})
WIDE, NARROW = "1e-6", "1e-3"


def without_rows(origin: Origin) -> tuple[Remedy, ...]:
    """The remedy of leaving out the rows that bring an origin about; none where they are not known, or all do."""
    if not origin.rows or origin.rows_note is not None:
        return ()
    return (Remedy("drop-rows", f"Leave out the {plural(len(origin.rows), 'row')} behind it, if they are faulty"),)


def guards(ran: str, divisor: Operand) -> tuple[Remedy, ...]:
    """Remedies for an op of that type which divides by (nearly) zero.

    Where the whole divisor has no negative value `tf.maximum` is enough; where it has, the guard keeps the sign.
    (A gradient may take the reciprocal instead of the divisor: that has the same sign.) In float16 the guard is 1e-3,
    since the reciprocal of 1e-6 is beyond it.
    """
    epsilon = NARROW if divisor.dtype == "float16" else WIDE
    if ran == "Rsqrt":
        return (Remedy("epsilon", f"Keep the argument above zero: tf.math.rsqrt(tf.maximum(x, {epsilon}))"),)
    if ran in REMAINDERS:
        return (Remedy("divisor-one", "Divide by 1 where the divisor is 0: tf.where(b == 0, tf.ones_like(b), b)"),)
    no_nan = Remedy("divide-no-nan", "Use tf.math.divide_no_nan(a, b) where 0 is the right answer")
    negative = divisor.stats.minimum is not None and divisor.stats.minimum < 0.0
    if not negative:
        return no_nan, Remedy("epsilon", f"Keep the divisor above zero: a / tf.maximum(b, {epsilon})")
    guarded = f"tf.where(tf.abs(b) < {epsilon}, tf.where(b < 0, -{epsilon}, {epsilon}), b)"
    return no_nan, Remedy(
        "signed-epsilon", f"Keep the divisor away from zero with its sign, since it has negative values: a / {guarded}"
    )
