"""The commands that act on agents: stop, freeze and thaw."""

from __future__ import annotations

from typing import Annotated

import typer

from .application import AsJson, read_settings

commands = typer.Typer()

Agents = Annotated[
    list[str], typer.Argument(metavar="AGENT", help="Ids, or the beginnings of them.")
]


@commands.command(
    "stop",
    epilog="Examples:\n\n[bold]orchestrator stop worker-10[/bold]\n\n"
    "[bold]orchestrator stop --all --kill --reason 'end of day'[/bold]",
)
def stop_command(  # noqa: PLR0917  typer calls it by name
    context: typer.Context,
    agents: Annotated[
        list[str] | None,
        typer.Argument(metavar="AGENT", help="Ids, or the beginnings of them.", show_default=False),
    ] = None,
    everyone: Annotated[
        bool, typer.Option("--all", "-a", help="Every live agent of the workspace.")
    ] = False,
    kill: Annotated[bool, typer.Option("--kill", help="SIGKILL at once, without a grace.")] = False,
    family: Annotated[
        bool,
        typer.Option(
            "--family", help="Every agent below them, too; nothing new starts among them."
        ),
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="R", help="Why, for the receipt.")
    ] = "orchestrator stop",
    as_json: AsJson = False,
) -> None:
    """Stop agents and all that they started, whoever launched them.

    Waits for their ends and says what was done. The status is 1 when one could not be stopped.
    """
    from . import stop  # noqa: PLC0415  0.3 s that other commands do without

    if not agents and not everyone:
        raise typer.BadParameter(
            "name the agents to stop (`orchestrator ps` lists them), or say --all",
            param_hint="AGENT",
        )

    if agents and everyone:
        raise typer.BadParameter("it goes without the names of agents", param_hint="--all")

    status = stop.stop(
        read_settings(context),
        tuple(agents or ()),
        everyone=everyone,
        kill=kill,
        family=family,
        reason=reason,
        as_json=as_json,
    )
    raise typer.Exit(status)


@commands.command("freeze", epilog="Example:\n\n[bold]orchestrator freeze worker-10[/bold]")
def freeze_command(context: typer.Context, agents: Agents, as_json: AsJson = False) -> None:
    """Let agents and all that they started stand still, whoever launched them.

    They go on with `orchestrator thaw`, and can be stopped as ever.
    """
    from . import steer  # noqa: PLC0415  0.3 s that other commands do without

    raise typer.Exit(steer.freeze(read_settings(context), agents, as_json=as_json))


@commands.command("thaw", epilog="Example:\n\n[bold]orchestrator thaw worker-10[/bold]")
def thaw_command(context: typer.Context, agents: Agents, as_json: AsJson = False) -> None:
    """Let frozen agents go on where they stood still."""
    from . import steer  # noqa: PLC0415  0.3 s that other commands do without

    raise typer.Exit(steer.thaw(read_settings(context), agents, as_json=as_json))
