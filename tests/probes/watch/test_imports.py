from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOOKED = """
import sys
from nandoctor.probes.watch.imports import when_imported
when_imported(lambda name, module: print("hook", name, module.whole))
print(sorted({"numpy", "tensorflow", "keras", "tf_keras"} & set(sys.modules)))
"""


def printed(program: str, folder: Path) -> list[str]:
    """What a program prints beside packages that stand in for TensorFlow and Keras, which take seconds to import."""
    for name, text in {
        "tensorflow": "whole = True",
        "keras": "import tensorflow\nwhole = True",
        "tf_keras": "import tensorflow\nwhole = True",
    }.items():
        (folder / f"{name}.py").write_text(text)
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_hooks_wait_for_the_script_and_import_nothing(tmp_path: Path) -> None:
    lines = printed(f"{HOOKED}\nprint('script')\nimport keras\nimport tensorflow", tmp_path)

    assert lines == ["[]", "script", "hook tensorflow True", "hook keras True"]


def test_what_is_already_imported_is_hooked_at_once(tmp_path: Path) -> None:
    lines = printed(f"import tensorflow{HOOKED}\nprint('script')\nimport tf_keras", tmp_path)

    assert lines == ["hook tensorflow True", "['tensorflow']", "script", "hook tf_keras True"]
