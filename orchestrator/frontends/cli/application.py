"""The program as typer knows it: its name, and the options that every command shares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator import __version__

from .overview import ADD_TO_CLAUDE, escaped

if TYPE_CHECKING:
    from orchestrator.config import Settings

app = typer.Typer(
    name="orchestrator",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Without a command it is an MCP server on standard input and output:\n\n"
    f"[bold]{escaped(ADD_TO_CLAUDE)}[/bold]",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def read_settings(context: typer.Context) -> Settings:
    """Read the settings, with the workspace that the command line names.

    Raises:
        InvalidInputError: A variable holds what it cannot.
    """
    from orchestrator.config import Settings  # noqa: PLC0415  0.2 s that --help does without

    return Settings.read(workspace=context.obj)


def _folder(named: str) -> Path:
    if not named:
        # That of a script whose variable is unset: it does not mean the folder that it runs in.
        raise typer.BadParameter("it is empty; name a folder")

    return Path(named)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"orchestrator {__version__}\n")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            envvar="CLAUDE_ORCHESTRATOR_WORKSPACE",
            metavar="DIR",
            parser=_folder,
            help="The folder with registry and outputs. \\[default: .agent-workspace]",
            show_default=False,
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001  its callback does the work
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Launch AI coding CLIs as headless agents, and leave no process behind."""
    context.obj = workspace
