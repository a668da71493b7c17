"""A scan in a process of its own, so that a crash of TensorFlow can be told and worked around.

On some shapes oneDNN's kernels write where they must not, and the process dies (TensorFlow 2.21 on CPU: the gradient of
a 1x1 convolution with stride 2 over 60x60x8, to 16 channels). The process that the user started never loads TensorFlow:
it forks, waits for the child, and passes its exit code on. The child has the terminal, the streams and the arguments.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

from nandoctor.errors import NandoctorError

CRASHES = {
    getattr(signal, name) for name in ("SIGSEGV", "SIGABRT", "SIGILL", "SIGBUS", "SIGFPE") if hasattr(signal, name)
}
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"

Work = Callable[[tuple[str, ...]], int]


def guarded(work: Work, advice: str, what: str = "scan") -> int:
    """The exit code of `work(notices)`, which is run in a child process where the system can fork.

    After a crash it is run once more without oneDNN, unless the user has set TF_ENABLE_ONEDNN_OPTS; `notices` then
    says so to the report. NandoctorError (exit code 3), with `advice`, where that crashes, too. What the work itself
    raises is raised in the child and left to the caller there. `what` is what messages call the work.
    """
    # A process with TensorFlow in it has threads, and cannot be forked safely.
    if not hasattr(os, "fork") or "tensorflow" in sys.modules:
        return work(())
    code = _code_of(work, ())
    if -code in CRASHES and ONEDNN not in os.environ:
        name = signal.Signals(-code).name
        _tell(f"TensorFlow itself crashed ({name}); the {what} is repeated with {ONEDNN}=0")
        os.environ[ONEDNN] = "0"
        try:
            code = _code_of(work, (_notice(name, what),))
        finally:
            del os.environ[ONEDNN]
    if -code in CRASHES:
        raise NandoctorError(f"TensorFlow itself crashed on this model ({signal.Signals(-code).name}); {advice}")
    if -code == signal.SIGKILL:
        smaller = "try a smaller --batch-size" if what == "scan" else "it takes a machine with more of it"
        raise NandoctorError(f"the {what} was killed (SIGKILL), as happens when memory runs out; {smaller}")
    return code if code >= 0 else 128 - code


def _notice(name: str, what: str) -> str:
    return (
        f"TensorFlow itself crashed ({name}) on this model, and the {what} was repeated with {ONEDNN}=0: what oneDNN's "
        "fused kernels make of NaN, as the model meets them in use, could therefore not be compared"
    )


def _code_of(work: Work, notices: tuple[str, ...]) -> int:
    """The exit code of the work in a child process; the signal's number, negative, if one killed it."""
    sys.stdout.flush()
    sys.stderr.flush()
    # The write end stays open as long as this process lives: its end tells the child that nobody waits any more.
    watched, held = os.pipe()
    child = os.fork()
    if not child:
        os.close(held)
        threading.Thread(target=_end_with_the_parent, args=(watched,), daemon=True).start()
        signal.signal(signal.SIGINT, _interrupted_once)
        code = work(notices)
        sys.stdout.flush()
        sys.stderr.flush()
        # A crash while TensorFlow is taken down, with the report already out, is no crash of the scan.
        os._exit(code)
    os.close(watched)
    # Ctrl-C reaches both processes; it is the child that ends its work and cleans up.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: os.kill(child, signal.SIGINT))
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(held)


def _end_with_the_parent(watched: int) -> None:
    os.read(watched, 1)
    os._exit(1)


def _interrupted_once(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C at the terminal and the parent's passing it on are one interruption."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


def _tell(message: str) -> None:
    """A line on standard error, in place of the progress bar that the child could not take away."""
    cleared = "\r\x1b[2K" if sys.stderr.isatty() else ""
    print(f"{cleared}nandoctor: {message}", file=sys.stderr, flush=True)
