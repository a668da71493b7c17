"""An attempt in a process of its own, which is ended when its time is over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from nandoctor.facts.store import dump_facts, parse_facts
from nandoctor.probes.trials.attempt import Attempt, Ran, run_here
from nandoctor.probes.trials.settings import Setting
from nandoctor.probes.watch.script import Program

# The working folder is on the path only once nandoctor's own imports are done: it may hold a `json.py`.
_CHILD = """
import sys
folder = [] if sys.flags.safe_path else [sys.path.pop(0)]
from nandoctor.probes.trials.apart import child
sys.path[:0] = folder
child()
"""


def run_apart(
    attempt: Attempt, seconds: float, folder: Path = Path(), environment: Mapping[str, str] | None = None
) -> Ran:
    """Run an attempt in that folder, for at most so many seconds. What it prints is dropped.

    `environment` is that of its process, None for that of this one.
    """
    begun = time.monotonic()
    with TemporaryDirectory() as place:
        wanted, result, errors = (Path(place) / name for name in ("wanted.json", "result.json", "errors.txt"))
        wanted.write_text(json.dumps(asdict(attempt)), encoding="utf-8")
        with errors.open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-c", _CHILD, str(wanted), str(result)],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=told,
                # What the script starts ends with it.
                start_new_session=True,
            )
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                return Ran(None, None, time.monotonic() - begun, f"it was not over after {seconds:.0f} s")
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        took = time.monotonic() - begun
        if not result.exists():
            said = errors.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
            return Ran(None, None, took, f"its process ended without a result: {said[-1][:300]}")
        found = json.loads(result.read_text(encoding="utf-8"))
        facts = parse_facts(found["facts"]) if found["facts"] is not None else None
        return Ran(facts, found["raised"], took, found["failure"])


def child() -> None:
    """What the process of an attempt does: `sys.argv` are the file with the attempt, and the file for its result."""
    wanted, result = Path(sys.argv[1]), Path(sys.argv[2])
    told = json.loads(wanted.read_text(encoding="utf-8"))
    program = told["program"]
    told["program"] = Program(program["target"], tuple(program["arguments"]), program["is_module"])
    told["setting"] = Setting(**told["setting"]) if told["setting"] else None
    ran = run_here(Attempt(**told))
    facts = dump_facts(ran.facts) if ran.facts is not None else None
    found = {"facts": facts, "raised": ran.raised, "failure": ran.failure}
    result.write_text(json.dumps(found), encoding="utf-8")
