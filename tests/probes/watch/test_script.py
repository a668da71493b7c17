"""Under `nandoctor run` a program is what it is under `python`: same output, same errors, same end."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from nandoctor.errors import NandoctorError
from nandoctor.probes.watch.script import Program, as_before, run_program

NANDOCTOR = "from nandoctor.cli.main import run; run()"

SELF = """
import os, sys
print(__name__, __file__, __package__, __cached__, __spec__ and __spec__.name, type(__loader__).__name__, __doc__)
print(type(__builtins__), sys.modules["__main__"].__dict__ is globals(), sorted(globals()))
print(sys.argv, sys.path[0], os.getcwd())
"""
FAILING = """
def outer():
    inner()
def inner():
    try:
        {}["missing"]
    except KeyError as error:
        raise ValueError("a number") from error
if __name__ == "__main__":
    outer()
"""
AT_EXIT = """
import atexit, sys, threading
atexit.register(lambda: print("at exit", sys.argv, sys.modules["__main__"].NAME))
NAME = "mine"
threading.Timer(0.2, lambda: print("the last thread")).start()
print("last line")
"""
EXCEPTHOOK = """
import sys, traceback
sys.excepthook = lambda kind, value, trace: print("hook", kind, value, len(traceback.extract_tb(trace)))
1 / 0
"""
ENDS = {
    "number": "import sys; sys.exit(3)",
    "text": "import sys; print('out'); sys.exit('no such file')",
    "nothing": "import sys; sys.exit()",
    "exception": FAILING,
    "interrupted": "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(9)",
    "terminated": "import os, signal, time; os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)",
    "at once": "import os; print('out', flush=True); os._exit(7)",
    "not Python": "a b\n",
    "at exit": AT_EXIT,
    "excepthook": EXCEPTHOOK,
    "forked": "import os\nif os.fork(): os.wait()\nprint('one line in each process')",
}

Outcome = tuple[int, str, str]


def outcome(command: Sequence[str], folder: Path) -> Outcome:
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    return done.returncode, done.stdout, done.stderr


def both(arguments: Sequence[str], folder: Path) -> tuple[Outcome, Outcome]:
    """What python does with the arguments, and what `nandoctor run` does."""
    return outcome(arguments, folder), outcome(["-c", NANDOCTOR, "run", "--quiet", *arguments], folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("print('the package')")
    (package / "__main__.py").write_text(SELF)
    (package / "train.py").write_text(f"from . import data\nprint(data.__name__)\n{SELF}")
    (package / "data.py").write_text("")
    (package / "beside.py").write_text(f"import data\n{SELF}")
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["package/beside.py", "--epochs", "3", "--help", "-m", "--", "x"],
        ["./package/../package/beside.py"],
        ["-m", "package.train", "--help"],
        ["-m", "package", "x"],
        ["package"],
    ],
)
def test_the_program_finds_itself_as_under_python(folder: Path, arguments: list[str]) -> None:
    plain, watched = both(arguments, folder)

    assert plain[0] == 0
    assert watched == plain


def test_a_script_behind_a_link_finds_what_lies_beside_it(folder: Path) -> None:
    (folder / "link.py").symlink_to(folder / "package" / "beside.py")

    plain, watched = both(["link.py"], folder)

    assert plain[0] == 0
    assert watched == plain


def test_an_archive_is_run(folder: Path) -> None:
    with zipfile.ZipFile(folder / "app.zip", "w") as archive:
        archive.write(folder / "package" / "__main__.py", "__main__.py")

    plain, watched = both(["app.zip", "x"], folder)

    assert plain[0] == 0
    assert watched == plain


@pytest.mark.parametrize("end", ENDS)
def test_the_program_ends_as_under_python(tmp_path: Path, end: str) -> None:
    (tmp_path / "train.py").write_text(ENDS[end])

    plain, watched = both(["train.py"], tmp_path)

    assert watched == plain


def test_what_its_package_raises_on_import_is_the_programs_error(folder: Path) -> None:
    (folder / "package" / "__init__.py").write_text("import not_installed")

    code, _, told = outcome(["-c", NANDOCTOR, "run", "--quiet", "-m", "package.train"], folder)

    assert code == 1
    assert "ModuleNotFoundError: No module named 'not_installed'" in told
    assert "nandoctor" not in told


@pytest.mark.parametrize("program", [Program("train.py"), Program("no.such.module", is_module=True)])
def test_a_program_that_is_not_there_is_wrong_usage(program: Program) -> None:
    with as_before(), pytest.raises(NandoctorError, match="there is no") as refused:
        run_program(program)

    assert refused.value.exit_code == 2


def test_in_process_everything_is_put_back(folder: Path) -> None:
    before = sys.argv, list(sys.path), sys.modules["__main__"]

    with as_before():
        error = run_program(Program(str(folder / "package" / "beside.py"), ("x",)))
        assert sys.argv[1:] == ["x"]

    assert error is None
    assert (sys.argv, sys.path, sys.modules["__main__"]) == before
    del sys.modules["data"]
