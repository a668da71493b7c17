from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from nandoctor.probes.source.ops import no_nan_division
from nandoctor.probes.source.patch import patch_of
from nandoctor.probes.source.text import UnwritableError

SCRIPT = "import tensorflow as tf\n\n\ndef loss(a, b):\n    return a / b  # of the rows\n"


def patched(file: Path) -> str:
    """The file's text once `patch -p0` has applied the diff."""
    patch = patch_of(file, lambda source: no_nan_division(source, 5))
    done = subprocess.run(["patch", "-p0", "--binary"], input=patch.diff.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
    assert file.read_bytes().decode() == patch.after
    return patch.after


@pytest.mark.parametrize("script", [SCRIPT, SCRIPT.replace("rows", "Größe"), SCRIPT.replace("\n", "\r\n")])
def test_the_diff_applies_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "code/train it.py"
    file.parent.mkdir()
    file.write_bytes(script.encode())

    assert patched(file) == script.replace("a / b", "tf.math.divide_no_nan(a, b)")


def test_a_file_elsewhere_is_named_as_in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "train.py").write_text(SCRIPT)

    diff = patch_of(tmp_path / "train.py", lambda source: no_nan_division(source, 5)).diff

    assert diff.startswith("--- train.py\n+++ train.py\n")


def test_what_cannot_be_patched(tmp_path: Path) -> None:
    gone, cut, broken, latin = (tmp_path / f"{name}.py" for name in ("gone", "cut", "broken", "latin"))
    cut.write_text(SCRIPT[:-1])
    broken.write_text("def f(:\n")
    latin.write_bytes(b"# gr\xfc\xdfe\n")

    for file, reason in (
        (gone, "cannot be read: No such file"),
        (cut, "does not end with a line break"),
        (broken, "not Python source"),
        (latin, "not in UTF-8"),
        (Path(pytest.__file__), "belongs to an installed package"),
    ):
        with pytest.raises(UnwritableError, match=reason):
            patch_of(file, lambda source: no_nan_division(source, 5))
