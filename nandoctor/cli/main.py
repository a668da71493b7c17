"""The command `nandoctor`: global options, errors and exit codes."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from nandoctor import __version__
from nandoctor.cli.check_data import check_data
from nandoctor.cli.config import config
from nandoctor.cli.explain import explain
from nandoctor.cli.lint import lint
from nandoctor.cli.output import escaping, tell
from nandoctor.cli.replay import replay
from nandoctor.cli.report import report
from nandoctor.cli.run import Then
from nandoctor.cli.run import run as run_script
from nandoctor.cli.scan import scan
from nandoctor.cli.treat import treat

INTERRUPTED = 130

app = typer.Typer(
    name="nandoctor",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(no_args_is_help=True)(scan)
app.command("check-data", no_args_is_help=True)(check_data)
app.command("run", no_args_is_help=True, context_settings={"allow_interspersed_args": False})(run_script)
app.command(no_args_is_help=True)(replay)
app.command(no_args_is_help=True, context_settings={"allow_interspersed_args": False})(treat)
app.command(no_args_is_help=True)(report)
app.command(no_args_is_help=True)(lint)
app.command()(explain)
app.add_typer(config, name="config")


@dataclass
class Settings:
    """The global options, as far as they have been read; `own_process`: the process is there for the command alone.

    `then` is what is left to do when the command line has been read.
    """

    traceback: bool = False
    own_process: bool = True
    then: Then | None = None


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nandoctor {__version__}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Find the first operation that turned a TensorFlow model's numbers non-finite, and say why.

    \b
    Examples:
      nandoctor scan saved_model/ data.npz
      nandoctor check-data train.csv --target price
      nandoctor run train.py --epochs 10
      nandoctor treat train.py --epochs 10
      nandoctor lint train.py
      nandoctor explain log-of-zero

    Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage or configuration, 3 could not be
    examined, 130 interrupted. The report goes to standard output, everything else to standard error.
    """
    del version
    context.ensure_object(Settings).traceback = traceback


def run(*, own_process: bool = True) -> None:
    """Run the command line and leave the process with its exit code.

    A scan runs in a child process, whose crash is told, and an interruption waits for nothing, unless `own_process` is
    False, as it is where the caller goes on.
    0 nothing at or above `--fail-on`, 1 findings, 2 wrong usage, 3 not examinable, 130 interrupted.
    """
    settings = Settings(own_process=own_process)
    try:
        with escaping():
            _command_line(settings)
        assert settings.then is not None
        ending = settings.then()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:
        sys.exit(tell(error, traceback=settings.traceback))
    ending.leave()


def _command_line(settings: Settings) -> None:
    """Read the command line and do what it says; returns where something is left to do, else SystemExit."""
    before, sys.unraisablehook = sys.unraisablehook, _interrupt_again
    try:
        # Called itself, `app` would leave its hook for uncaught exceptions behind.
        typer.main.get_command(app)(obj=settings, prog_name="nandoctor")
    except SystemExit as left:
        # Typer has turned the interruption into this.
        if left.code == INTERRUPTED and settings.own_process:
            # Everything is cleaned up by now; at a regular exit, threads that still read would be waited for.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        if left.code or settings.then is None:
            raise
    finally:
        sys.unraisablehook = before


def _interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """An interruption that struck where Python can raise nothing (as while it imports) comes once more."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)
        return
    import signal
    import threading

    main_thread = threading.main_thread().ident
    assert main_thread is not None
    threading.Timer(0.01, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
