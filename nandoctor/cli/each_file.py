"""`python -m nandoctor.cli.each_file [OPTIONS] FILE...`: `check-data` for each file by itself, as a hook wants it.

pre-commit hands a hook the names of all files that a commit changes, and `check-data` takes several files for the parts
of one table.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import typer

from nandoctor.cli.check_data import check_data
from nandoctor.cli.output import escaping, tell
from nandoctor.errors import USAGE, NandoctorError

# Each file would write over what the one before it has written, or is no file of its own.
OF_ONE_REPORT = ("output", "save_facts", "scaler", "baseline", "split")

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


@app.command()
@wraps(check_data)
def check_each(files: list[str] | None, **options: Any) -> None:
    """Check each file with the same options, and leave with the highest of the exit codes.

    A file that cannot be examined is told, and the next one is looked at.
    """
    with escaping():
        refused = [name for name in OF_ONE_REPORT if options[name]]
        if refused:
            told = f"--{refused[0].replace('_', '-')}: is of one report, and each file gets its own; leave it out"
            raise typer.Exit(tell(NandoctorError(told, USAGE), traceback=False))
        raise typer.Exit(max(_code(file, options) for file in files or [""]))


def _code(file: str, options: dict[str, Any]) -> int:
    """The exit code of the look at one file."""
    try:
        check_data([file] if file else None, **options)
    except typer.Exit as left:
        return left.exit_code
    except Exception as error:
        return tell(error, traceback=False)
    raise AssertionError("check_data leaves by its exit code")


if __name__ == "__main__":
    app(prog_name="python -m nandoctor.cli.each_file")
