"""The command that launches an agent: run."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotations at run time
from typing import Annotated

import typer

from .application import read_settings

commands = typer.Typer()


@commands.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="Examples:\n\n[bold]orchestrator run -- make test[/bold]\n\n"
    "[bold]git diff | orchestrator run --provider claude[/bold]",
)
def run_command(  # noqa: PLR0917  typer calls it by name
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CMD",
            help="The program and its arguments; for an agent CLI, more options for it.",
            show_default=False,
        ),
    ] = None,
    provider: Annotated[
        str, typer.Option("--provider", "-p", metavar="P", help="command (any program) or claude.")
    ] = "command",
    cwd: Annotated[
        Path | None, typer.Option("--cwd", metavar="DIR", help="Where it runs.", show_default=False)
    ] = None,
    durable: Annotated[
        bool,
        typer.Option("--durable", help="It goes on when this command ends, in whatever way."),
    ] = False,
    detach: Annotated[
        bool,
        typer.Option("--detach", "-d", help="Print its id and end; it goes on (so: --durable)."),
    ] = False,
    max_time: Annotated[
        float | None,
        typer.Option("--max-time", metavar="S", help="Stop it after so many seconds."),
    ] = None,
    max_idle: Annotated[
        float | None,
        typer.Option(
            "--max-idle", metavar="S", help="Stop it after so many without output and CPU time."
        ),
    ] = None,
    max_memory: Annotated[
        str | None,
        typer.Option("--max-memory", metavar="SIZE", help="Stop it beyond it, e.g. 2G."),
    ] = None,
    max_output: Annotated[
        str | None,
        typer.Option("--max-output", metavar="SIZE", help="Stop it when it wrote more, e.g. 1G."),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print how it ended as JSON instead of passing its output on."),
    ] = False,
) -> None:
    """Run one agent in the foreground; when it ends, all that it started ends.

    What is piped in is read to its end and becomes its prompt (its standard input). Its output is
    passed on as it comes, and so is its exit status: 128 + n after signal n. Ctrl-C asks it to
    stop, with its full grace; a second Ctrl-C kills all of it at once. With --durable Ctrl-C ends
    this command alone; `orchestrator stop` stops the agent.
    """
    from . import run as implementation  # noqa: PLC0415  0.3 s that other commands do without

    settings = read_settings(context)
    names = implementation.provider_names(settings)
    if provider not in names:
        raise typer.BadParameter(
            f"{provider!r} is none; there are: {', '.join(names)}", param_hint="--provider"
        )

    if provider == "command" and not command:
        raise typer.BadParameter(
            "say what to run: `orchestrator run -- make test`", param_hint="CMD"
        )

    status = implementation.run(
        settings,
        provider=provider,
        argv=tuple(command or ()),
        cwd=cwd,
        limits=implementation.read_limits(max_time, max_idle, max_memory, max_output),
        durable=durable or detach,
        detach=detach,
        as_json=as_json,
    )
    raise typer.Exit(status)
