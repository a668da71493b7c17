"""The floors of the house: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nandoctor"

# The longest prefix of a module's path within the package names its room.
FLOORS = {
    "": -1,  # nandoctor/__init__.py, which holds the version
    "errors": 0,
    "finding": 0,
    "stats": 0,
    "wording": 0,
    "facts": 1,
    "fingerprint": 1,
    "rule": 1,
    "policy": 1,
    "rules": 2,
    "probes": 2,
    "diagnosis": 3,
    "reports": 3,
    "config": 3,
    "baseline": 3,
    "api": 4,
    "cli": 5,
    "notebook": 5,
    "pytest_plugin": 5,
}
# Rooms on one floor do not know each other, but for these.
PASSAGES = {
    ("", "api"),  # what `import nandoctor` offers, loaded when it is asked for
    ("", "notebook"),  # what `%load_ext nandoctor` calls
    ("finding", "reports"),  # how a report shows itself, loaded when it is shown
    ("policy", "rule"),
    ("rule", "facts"),
    ("probes/board", "probes/compat"),
    ("probes/board", "probes/models"),
    ("probes/models", "probes/compat"),
    ("probes/steps", "probes/compat"),
    ("probes/steps", "probes/models"),
    ("probes/trials", "probes/compat"),
    ("probes/trials", "probes/models"),
    ("probes/trials", "probes/steps"),
    ("probes/trials", "probes/watch"),
    ("probes/watch", "probes/board"),
    ("probes/watch", "probes/compat"),
    ("probes/watch", "probes/data"),
    ("probes/watch", "probes/models"),
    ("probes/watch", "probes/source"),
    ("probes/watch", "probes/steps"),
}
WITH_TENSORFLOW = {
    "probes/board",
    "probes/compat",
    "probes/models",
    "probes/steps",
    "probes/trials",
    "probes/watch",
}
TENSORFLOW = {"tensorflow", "keras", "tf_keras"}
PRIVATE = (
    "tensorflow.python",
    "tensorflow.compiler",
    "tensorflow._api",
    "keras.src",
    "tf_keras.src",
)
PRIVATE_ATTRIBUTES = {"tf": {"python", "compiler", "_api"}, "keras": {"src"}, "tf_keras": {"src"}}


def violations(package: Path) -> list[str]:
    """Each import below `package` that the house does not allow, as `file:line: what is wrong`."""
    return [
        f"{path.relative_to(package.parent)}:{line}: {wrong}"
        for path in sorted(package.rglob("*.py"))
        for line, wrong in _wrongs(path, package)
    ]


def _wrongs(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    here = _inside(path, package)
    room = _room(here)
    if _floor(room) is None:
        yield 1, f"{here} belongs to no room; give it a floor in this test"
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for line, imported in _imports(tree, f"{package.name}/{here}".rstrip("/").split("/"), path.name == "__init__.py"):
        top, _, rest = imported.partition(".")
        if top == package.name:
            there = _existing(package, rest.replace(".", "/"))
            if not _allowed(room, _room(there)):
                yield line, f"{here or package.name} must not import {there}"
        elif top in TENSORFLOW and room not in WITH_TENSORFLOW:
            yield line, f"{here} must not import {top}"
        elif imported.startswith(PRIVATE) and room != "probes/compat":
            yield line, f"{here} must not use the private {imported}: wrap it in probes/compat"
    if room != "probes/compat":
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.attr in PRIVATE_ATTRIBUTES.get(node.value.id, ())
            ):
                yield (
                    node.lineno,
                    f"{here} must not use the private {node.value.id}.{node.attr}: wrap it in probes/compat",
                )


def _imports(tree: ast.Module, here: list[str], is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported, also inside functions and by `import_module("...")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = here[: len(here) - node.level + is_package] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__", "LazyLoader"):
                yield node.lineno, str(node.args[0].value)


def _inside(path: Path, package: Path) -> str:
    """The module's path within the package: `rules/data/outliers`; empty for the package itself."""
    inside = path.relative_to(package).with_suffix("").as_posix()
    return inside.removesuffix("__init__").rstrip("/")


def _existing(package: Path, imported: str) -> str:
    """The module behind an imported name, which may be something inside that module."""
    parts = imported.split("/") if imported else []
    while parts and not (package.joinpath(*parts).is_dir() or package.joinpath(*parts).with_suffix(".py").exists()):
        parts.pop()
    return "/".join(parts)


def _room(module: str) -> str:
    """Each rule is a room of its own, and so is each kind of probe; elsewhere the first part is the room."""
    parts = module.split("/")
    if parts[0] == "rules":
        return module
    return "/".join(parts[:2]) if parts[0] == "probes" else parts[0]


def _floor(room: str) -> int | None:
    return FLOORS.get(room.split("/", maxsplit=1)[0])


def _allowed(room: str, other: str) -> bool:
    above, below = _floor(room), _floor(other)
    assert above is not None
    return room == other or (room, other) in PASSAGES or (below is not None and below < above)


def test_nobody_imports_upward_or_sideways() -> None:
    assert violations(PACKAGE) == []


def planted(folder: Path, files: dict[str, str]) -> Path:
    """A package with these files."""
    package = folder / "nandoctor"
    for name in ("stats.py", "finding.py", "api.py", "rules/data/a.py", "rules/data/b.py", "probes/models/c.py"):
        files.setdefault(name, "")
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("stats.py", "from nandoctor.api import scan", "stats must not import api"),
        ("stats.py", "from nandoctor import finding", "stats must not import finding"),
        ("rules/data/a.py", "from nandoctor.rules.data.b import B", "rules/data/a must not import rules/data/b"),
        ("rules/data/a.py", "from .b import B", "rules/data/a must not import rules/data/b"),
        ("rules/data/a.py", "import nandoctor.probes.models.c", "rules/data/a must not import probes/models/c"),
        ("rules/data/a.py", "def f():\n    import tensorflow as tf", "rules/data/a must not import tensorflow"),
        ("rules/data/a.py", "import_module('keras.layers')", "rules/data/a must not import keras"),
        ("probes/data/a.py", "from keras import ops", "probes/data/a must not import keras"),
        ("probes/models/a.py", "from nandoctor.probes.steps.d import d", "must not import probes/steps"),
        (
            "probes/models/a.py",
            "from tensorflow.python.eager import context",
            "must not use the private tensorflow.python",
        ),
        ("probes/steps/a.py", "import keras\nkeras.src.backend", "must not use the private keras.src"),
        ("reports/a.py", "from nandoctor.diagnosis.rank import rank", "must not import diagnosis"),
        ("attic.py", "", "attic belongs to no room"),
    ],
)
def test_a_planted_violation_is_caught(tmp_path: Path, file: str, text: str, wrong: str) -> None:
    package = planted(tmp_path, {"probes/steps/d.py": "", "diagnosis/rank.py": "", file: text})

    (found,) = violations(package)

    assert found.startswith(f"nandoctor/{file}:")
    assert wrong in found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("rules/data/a.py", "from nandoctor.finding import Finding\nfrom nandoctor import __version__"),
        ("probes/models/a.py", "import tensorflow as tf\nfrom . import c"),
        ("probes/steps/a.py", "from nandoctor.probes.models.c import C\nfrom nandoctor.probes.compat.e import e"),
        ("probes/compat/e.py", "from tensorflow.python.eager import context"),
        ("cli/a.py", "from nandoctor.cli.b import b\nfrom nandoctor.api import scan"),
    ],
)
def test_what_the_house_allows_is_not(tmp_path: Path, file: str, text: str) -> None:
    files = {"probes/compat/e.py": "", "cli/b.py": "", "__init__.py": "__version__ = '1'", file: text}

    assert violations(planted(tmp_path, files)) == []
