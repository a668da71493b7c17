"""The step of action.yml that runs nandoctor, and gives a workflow what it shows and hands on.

The inputs come from the environment (NANDOCTOR_COMMAND, NANDOCTOR_ARGUMENTS, NANDOCTOR_FAIL_ON) and reach nandoctor as
a list of arguments: no shell reads them. Annotations go to standard output, the report as Markdown to
GITHUB_STEP_SUMMARY, and `exit-code`, `verdict` and `sarif` to GITHUB_OUTPUT. The exit code of this program is 0: that
of nandoctor is for a later step.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

COMMANDS = ("scan", "check-data", "run", "lint")
WRONG_USAGE = 2


def main() -> None:
    """Run nandoctor and write what the workflow gets."""
    folder = Path(tempfile.mkdtemp(prefix="nandoctor-", dir=os.environ.get("RUNNER_TEMP")))
    code = examine(folder)
    outputs = {"exit-code": str(code), "verdict": "", "sarif": ""}
    if (folder / "report.json").exists():
        print_apart((folder / "report.txt").read_text(encoding="utf-8"))
        summary = (folder / "report.md").read_text(encoding="utf-8")
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        outputs |= {"verdict": report["summary"]["verdict"], "sarif": str(folder / "report.sarif")}
    else:
        summary = f"## nandoctor: no report (exit code {code})\n\nThe log of the step says why.\n"
    append("GITHUB_STEP_SUMMARY", summary)
    append("GITHUB_OUTPUT", "".join(f"{name}={value}\n" for name, value in outputs.items()))


def examine(folder: Path) -> int:
    """Run nandoctor as the inputs say, its reports in `folder`; its exit code, or 2 for inputs that name no run."""
    command = os.environ["NANDOCTOR_COMMAND"]
    program = shutil.which("nandoctor")
    if command not in COMMANDS:
        return refuse(f"command: {command!r} is none of {', '.join(COMMANDS)}")
    if program is None:
        return refuse("the program nandoctor is not on the PATH of this job")
    try:
        arguments = shlex.split(os.environ["NANDOCTOR_ARGUMENTS"])
    except ValueError as error:
        return refuse(f"arguments: {error}")
    options = ["--format", "github"]
    for suffix in ("sarif", "md", "json", "txt"):
        options += ["--output", str(folder / f"report.{suffix}")]
    if fail_on := os.environ.get("NANDOCTOR_FAIL_ON"):
        options += ["--fail-on", fail_on]
    # The options stand first: what follows the script of a run is the script's.
    code = subprocess.run([program, command, *options, *arguments], check=False).returncode
    # As a shell has it where the program was ended by a signal.
    return code if code >= 0 else 128 - code


def refuse(reason: str) -> int:
    """Say as an annotation what is wrong with the inputs; the exit code of wrong usage."""
    for mark in "%\r\n":
        reason = reason.replace(mark, f"%{ord(mark):02X}")
    print(f"::error title=nandoctor::{reason}", flush=True)
    return WRONG_USAGE


def print_apart(text: str) -> None:
    """Print text that may quote data of others, in which the runner is to see no commands to itself."""
    word = secrets.token_hex(16)
    print(f"::stop-commands::{word}\n{text}\n::{word}::", flush=True)


def append(variable: str, text: str) -> None:
    """Append to the file that the variable of the runner names."""
    with open(os.environ[variable], "a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
