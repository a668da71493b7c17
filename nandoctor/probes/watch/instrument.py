"""TensorFlow's own instrument, where the script has switched it on."""

from __future__ import annotations

# How each message of tf.debugging.enable_check_numerics begins.
INSTRUMENT = "!!! Detected Infinity or NaN in output"


def ended_by_instrument(error: BaseException | None) -> str | None:
    """What to say of a script that ended in TensorFlow's own check of numbers; None for any other end.

    It raises in the middle of the step, before there is an update that the guard could refuse.
    """
    if error is None or INSTRUMENT not in str(error):
        return None
    return (
        "the script's own tf.debugging.enable_check_numerics ended it before its step could be kept; without it, the "
        "step is examined"
    )
