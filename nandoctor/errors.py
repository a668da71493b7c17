"""The one exception that reaches a user: a sentence and an exit code."""

from __future__ import annotations

USAGE = 2
UNEXAMINABLE = 3


class NandoctorError(Exception):
    """A failure that the user can act on.

    `message` is one line that says what is wrong and what to do; `exit_code` is `USAGE` (2, bad usage or
    configuration) or `UNEXAMINABLE` (3, the model or the data could not be examined).
    """

    def __init__(self, message: str, exit_code: int = UNEXAMINABLE) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the line, without a traceback that only leads to nandoctor itself."""
        return [f"{type(self).__name__}: {self.message}"]
