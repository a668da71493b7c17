"""What TensorFlow's own instruments say of the scripts with a planted fault each, beside `nandoctor run`.

As a program, `instruments.py WAY SCRIPT`: runs the script under one of them and prints what it said as JSON: `lines`
of the script that it points at, and the number of the `batch`.
"""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from processes import COMMAND
from table import Table

SCRIPTS = Path(__file__).parents[2] / "fixtures/scripts/sick"
OURS, NUMERICS, TERMINATE, DEBUGGER = (
    "nandoctor run",
    "enable_check_numerics",
    "TerminateOnNaN",
    "enable_dump_debug_info",
)
Said = Mapping[str, Any]


def measure(folder: Path, quick: bool) -> Table:
    """How often each names the line, the batch, the rows and the cause that are planted."""
    scripts = [path for path in sorted(SCRIPTS.glob("*.py")) if _trips(_planted(path))]
    scripts = scripts[:: 8 if quick else 1]
    planted = [_planted(script) for script in scripts]
    said: dict[str, list[Said]] = {way: [] for way in (OURS, NUMERICS, TERMINATE, DEBUGGER)}
    for script in scripts:
        place = Path(tempfile.mkdtemp(dir=folder))
        said[OURS].append(_ours(script, place))
        for way in (NUMERICS, TERMINATE, DEBUGGER):
            command = [sys.executable, __file__, way, str(script)]
            done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
            said[way].append(json.loads(done.stdout.splitlines()[-1]) if done.stdout else {})
    rows = [
        [what, *(_share(name, planted, said[way]) for way in said)]
        for what, name in (
            ("anything", "said"),
            ("the line", "line"),
            ("the batch", "batch"),
            ("the rows", "rows"),
            ("the cause", "cause"),
        )
    ]
    about = (
        f"{len(scripts)} of the scripts in fixtures/scripts/sick whose numbers turn non-finite. A line counts for the "
        "others where it is anywhere in the stack that they print for the op."
    )
    return Table("What is named", about, ("", *said), rows)


def _planted(script: Path) -> dict[str, Any]:
    """What the script's docstring says of its fault, `code` as the number of its `line`."""
    source = script.read_text(encoding="utf-8")
    tree = ast.parse(source)
    expected: dict[str, Any] = yaml.safe_load((ast.get_docstring(tree) or "").partition("\n\n")[2])
    if "code" in expected:
        docstring = tree.body[0].end_lineno or 0
        (expected["line"],) = (
            at for at, line in enumerate(source.splitlines(), 1) if at > docstring and expected["code"] in line
        )
    return expected


def _trips(planted: Said) -> bool:
    return not (planted.get("finite") or planted.get("raises") or planted.get("process") == "own")


def _ours(script: Path, place: Path) -> Said:
    report = place / "report.json"
    subprocess.run([*COMMAND[:-1], "run", "-o", report, script], cwd=place, capture_output=True, check=False)
    findings = json.loads(report.read_text(encoding="utf-8"))["findings"] if report.exists() else []
    if not findings:
        return {}
    where = findings[0]["location"]
    return {**where, "said": True, "lines": [where["line"]], "cause": findings[0]["cause"]}


def _share(name: str, planted: Sequence[Said], said: Sequence[Said]) -> str:
    """In how many of the scripts of which that is known it was told."""
    pairs = [(one, told) for one, told in zip(planted, said, strict=True) if name == "said" or name in one]
    if name == "line":
        right = sum(one["line"] in told.get("lines", ()) for one, told in pairs)
    else:
        right = sum(bool(told.get("said")) if name == "said" else told.get(name) == one[name] for one, told in pairs)
    return f"{right} of {len(pairs)}"


def _check_numerics(script: str) -> Said:
    import tensorflow as tf

    tf.debugging.enable_check_numerics()
    try:
        runpy.run_path(script, run_name="__main__")
    except tf.errors.InvalidArgumentError as error:
        message = str(error)
        return {"said": "Detected Infinity or NaN" in message, "lines": _lines(script, message)}
    return {}


def _lines(script: str, message: str) -> list[int]:
    """The script's lines in a stack that is printed."""
    name = re.escape(Path(script).name)
    return [int(one) for one in re.findall(rf'{name}(?:"?, line |:| \(L)(\d+)', message)]


def _terminate_on_nan(script: str) -> Said:
    import io
    from contextlib import redirect_stdout

    import keras

    fit = keras.Model.fit

    def with_callback(self: Any, *arguments: Any, callbacks: Any = None, **options: Any) -> Any:
        return fit(self, *arguments, callbacks=[*(callbacks or []), keras.callbacks.TerminateOnNaN()], **options)

    keras.Model.fit = with_callback
    with redirect_stdout(io.StringIO()) as printed, suppress(Exception):
        runpy.run_path(script, run_name="__main__")
    told = re.search(r"Batch (\d+): Invalid loss", printed.getvalue())
    return {"said": True, "batch": int(told[1])} if told else {}


def _debugger(script: str) -> Said:
    import tensorflow as tf
    from tensorflow.python.debug.lib import debug_events_monitors, debug_events_reader

    with tempfile.TemporaryDirectory() as dump:
        writer = tf.debugging.experimental.enable_dump_debug_info(
            dump, tensor_debug_mode="CONCISE_HEALTH", circular_buffer_size=-1
        )
        with suppress(Exception):
            runpy.run_path(script, run_name="__main__")
        writer.FlushNonExecutionFiles()
        writer.FlushExecutionFiles()
        with debug_events_reader.DebugDataReader(dump) as reader:
            monitor = debug_events_monitors.InfNanMonitor(reader)
            reader.update()
            if not monitor.alerts():
                return {}
            first = monitor.alerts()[0]
            if first.graph_execution_trace_index is None:
                execution = reader.executions(digest=True)[first.execution_index]
                _, frames = reader.read_execution_stack_trace(reader.read_execution(execution))
            else:
                ran = reader.graph_execution_traces(digest=True)[first.graph_execution_trace_index]
                graph = reader.graph_by_id(reader.read_graph_execution_trace(ran).graph_id)
                _, frames = reader.read_graph_op_creation_stack_trace(graph.get_op_creation_digest(ran.op_name))
            name = Path(script).name
            return {"said": True, "lines": [line for file, line, *_ in frames if Path(file).name == name]}


if __name__ == "__main__":
    told = {NUMERICS: _check_numerics, TERMINATE: _terminate_on_nan, DEBUGGER: _debugger}[sys.argv[1]](sys.argv[2])
    print("\n" + json.dumps(told))
