"""A script or a module, run as `python` itself runs it.

Nothing is imported here that a script could want to be first to import: what it sets in the environment counts.
"""

from __future__ import annotations

import builtins
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

import wrapt

import nandoctor
from nandoctor.errors import USAGE, NandoctorError

# Files whose frames are not of the script: nandoctor's, and what calls the hooks that wait for an import.
_OURS = (str(Path(nandoctor.__file__).parent) + os.sep, str(Path(wrapt.__file__).parent / "importer.py"))
_LINE = r'  File "{}", line \d+, in {}\n\n?'
_OUR_LINES = re.compile("|".join(_LINE.format(re.escape(one) + '[^"]*', ".*") for one in _OURS))
_LINES_BEFORE = re.compile(
    r"(\(most recent call last\):\n)(?:(?!\n\n\n).)*?" + _LINE.format(re.escape(__file__), "_execute"), re.DOTALL
)


@dataclass(frozen=True)
class Program:
    """What to run: a file or folder as the user wrote it, or with `is_module` the name of a module; its arguments."""

    target: str
    arguments: tuple[str, ...] = ()
    is_module: bool = False


def run_program(program: Program) -> BaseException | None:
    """Run the program as `__main__`; returns what it raised in the end, None where it ran to its last line.

    `sys.argv`, `sys.path` and `__main__` are changed for good, since what runs when the interpreter exits is the
    script's, too; `as_before` takes that back. NandoctorError (exit code 2) where there is no such file or module.
    """
    if not program.is_module and not os.path.exists(program.target):
        raise NandoctorError(f"{program.target}: there is no such script", USAGE)
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    code = None
    try:
        code = _prepared(program, main)
        _execute(code, main)
    except BaseException as error:
        if code is None and isinstance(error, NandoctorError):
            raise
        _without_our_frames(error, set())
        return error
    return None


def is_no_python(error: BaseException) -> bool:
    """Whether the program raised this without any of its lines having run: it cannot be compiled."""
    frames = traceback.walk_tb(error.__traceback__)
    return isinstance(error, SyntaxError) and all(one.f_code.co_filename.startswith("<frozen ") for one, _ in frames)


def reraise(error: BaseException) -> None:
    """Raise what a program raised so that the interpreter ends as it would without nandoctor.

    The traceback that it shows has no frame of nandoctor; a `sys.excepthook` of the script still gets its say.
    """
    shown = sys.excepthook

    def show(kind: type[BaseException], value: BaseException, _traceback: TracebackType | None) -> None:
        _without_our_frames(value, set())
        shown(kind, value, value.__traceback__)

    sys.excepthook = show
    raise error


@contextmanager
def as_before() -> Iterator[None]:
    """Put back `sys.argv`, `sys.path` and `__main__` when the block ends."""
    argv, path, main = sys.argv, list(sys.path), sys.modules["__main__"]
    try:
        yield
    finally:
        sys.argv, sys.modules["__main__"] = argv, main
        sys.path[:] = path


def _execute(code: CodeType, main: ModuleType) -> None:
    exec(code, main.__dict__)


def _prepared(program: Program, main: ModuleType) -> CodeType:
    """The code to run, with `main` and what the interpreter knows of its program filled in."""
    sys.argv = [program.target, *program.arguments]
    if program.is_module:
        sys.argv[0] = "-m"
        _first_on_path(os.getcwd())
        spec = _spec(program.target)
    elif os.path.isdir(program.target) or _is_archive(program.target):
        _first_on_path(os.path.join(os.getcwd(), program.target))
        found = PathFinder.find_spec("__main__", [sys.path[0]])
        if found is None:
            raise NandoctorError(f"{program.target}: there is no __main__ module in it", USAGE)
        spec = found
    else:
        return _file(program.target, main)
    code = getattr(spec.loader, "get_code", lambda _name: None)(spec.name)
    if not isinstance(code, CodeType):
        raise NandoctorError(f"{program.target}: there is no Python code in it", USAGE)
    if program.is_module:
        sys.argv[0] = str(spec.origin)
    _describe(main, str(spec.origin), spec.loader, spec)
    return code


def _file(path: str, main: ModuleType) -> CodeType:
    # As it was written behind the working folder: `python ./a.py` does not tidy it either.
    file = os.path.join(os.getcwd(), path)
    _first_on_path(os.path.dirname(os.path.realpath(file)))
    loader = SourceFileLoader("__main__", file)
    _describe(main, file, loader, None)
    return compile(loader.get_data(file), file, "exec", dont_inherit=True)


def _describe(main: ModuleType, file: str, loader: object, spec: ModuleSpec | None) -> None:
    main.__dict__.update(
        __file__=file,
        __cached__=spec.cached if spec else None,
        __loader__=loader,
        __package__=spec.parent if spec else None,
        __spec__=spec,
        __annotations__={},
    )


def _first_on_path(folder: str) -> None:
    """Put the folder where the interpreter put that of the program that it was started with."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder


def _spec(name: str) -> ModuleSpec:
    """Where the module is, or the `__main__` of the package; what its packages raise on import is raised."""
    spec = _found(name)
    if spec.submodule_search_locations is None:
        return spec
    return _found(f"{name}.__main__")


def _found(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        spec = None
    except ValueError:
        spec = None
    if spec is None:
        raise NandoctorError(f"there is no module named {name}", USAGE)
    return spec


def _is_archive(path: str) -> bool:
    import zipfile

    return zipfile.is_zipfile(path)


def _without_our_frames(error: BaseException | None, seen: set[int]) -> None:
    """Take nandoctor's frames, and all that led to the script, out of the tracebacks of the error and its causes."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    error.__traceback__ = _cleaned(error.__traceback__)
    # TensorFlow writes the stack of the op that failed into its message.
    message = getattr(error, "_message", None)
    if isinstance(message, str):
        error._message = _OUR_LINES.sub("", _LINES_BEFORE.sub(r"\1", message))  # type: ignore[attr-defined]
    _without_our_frames(error.__cause__, seen)
    _without_our_frames(error.__context__, seen)


def _cleaned(traceback: TracebackType | None) -> TracebackType | None:
    frames: list[TracebackType] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code in (_execute.__code__, reraise.__code__):
            frames.clear()
        elif not code.co_filename.startswith(_OURS):
            frames.append(traceback)
        traceback = traceback.tb_next
    following = None
    for one in reversed(frames):
        one.tb_next = following
        following = one
    return following
