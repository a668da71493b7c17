"""Where a command's text goes: standard output, and files that are written whole or not at all."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nandoctor.errors import UNEXAMINABLE, USAGE, NandoctorError

WIDTH_WITHOUT_TERMINAL = 100


@contextmanager
def escaping() -> Iterator[None]:
    """Inside the block a path or name outside the terminal's encoding is escaped instead of ending the program."""
    streams = [] if os.environ.get("PYTHONIOENCODING") else [sys.stdout, sys.stderr]
    before = [(one, one.errors) for one in streams if isinstance(one, io.TextIOWrapper)]
    for stream, _ in before:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, errors in before:
            if not stream.closed:
                stream.reconfigure(errors=errors)


def terminal_width() -> int:
    """The columns of the terminal (or of COLUMNS); 100 where standard output is none."""
    return shutil.get_terminal_size(fallback=(WIDTH_WITHOUT_TERMINAL, 24)).columns


def wants_colour() -> bool:
    """Whether standard output is a terminal that shows colours and NO_COLOR (no-color.org) does not forbid them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_text(text: str) -> None:
    """Write to standard output; a reader that has gone away (`| head`) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would raise again when the interpreter closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell(error: Exception, *, traceback: bool) -> int:
    """One line on standard error, after the traceback where it was asked for; the exit code that the error asks for."""
    if traceback:
        import traceback as printer

        printer.print_exception(error)
    message, code = f"internal error: {type(error).__name__}: {error}", UNEXAMINABLE
    if isinstance(error, NandoctorError):
        message, code = error.message, error.exit_code
    else:
        hint = "" if traceback else " (please report it, with what `nandoctor --traceback ...` prints)"
        message = " ".join(message.split()) + hint
    print(f"nandoctor: {message}", file=sys.stderr, flush=True)
    return code


def check_writable(path: Path, sources: Sequence[Path]) -> None:
    """Raise NandoctorError (exit code 2) where `path` cannot be written, or is one of the files to be read."""
    if path.is_dir():
        raise NandoctorError(f"{path}: cannot write the output, this is a folder", USAGE)
    if any(_same(path, source) for source in sources):
        raise NandoctorError(f"{path}: this is an input; choose another output file", USAGE)
    try:
        with tempfile.TemporaryFile(dir=_target(path).parent):
            pass
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise NandoctorError(f"{path}: cannot write the output: {error.strerror}", USAGE) from error


def write_file(path: Path, text: str) -> None:
    """Write the text whole or not at all; NandoctorError (exit code 2) where that fails."""
    target = _target(path)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, _mode(target))
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise NandoctorError(f"{path}: cannot write the output: {error.strerror}", USAGE) from error


def _target(path: Path) -> Path:
    """The file behind a symbolic link, which stays a link."""
    return Path(os.path.realpath(path))


def _same(path: Path, source: Path) -> bool:
    return path.exists() and source.exists() and path.samefile(source)


def _mode(path: Path) -> int:
    """The permissions that the file has, or that a new one would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
