"""`nandoctor config`: a project's settings."""

from __future__ import annotations

import typer

config = typer.Typer(no_args_is_help=True, help="The project's settings.")


@config.callback()
def settings() -> None:
    """The project's settings: [tool.nandoctor] in pyproject.toml, or nandoctor.toml."""


@config.command()
def show() -> None:
    """Show every setting with its value and the file that it comes from.

    The nearest folder at or above the working folder that has settings counts: in nandoctor.toml, else in the table
    [tool.nandoctor] of pyproject.toml.

    \b
    Example of pyproject.toml:
      [tool.nandoctor]
      fail-on = "warning"
      ignore = ["ND115", "class-imbalance"]
      [tool.nandoctor.severity]
      dead-relu = "note"
      [tool.nandoctor.thresholds.unscaled-input]
      max_abs = 1000.0
      [tool.nandoctor.per-path-ignores]
      "legacy/*" = ["ND8"]
    """
    from tabulate import tabulate

    from nandoctor.cli.output import print_text
    from nandoctor.config import effective, read_config

    rows = [[one.name, one.value, one.source] for one in effective(read_config())]
    print_text(tabulate(rows, headers=["setting", "value", "from"], tablefmt="simple", disable_numparse=True) + "\n")
