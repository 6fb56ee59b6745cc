"""The commands that show how agents stand: ps and logs."""

from __future__ import annotations

from typing import Annotated

import typer

from .application import AsJson, read_settings

commands = typer.Typer()


@commands.command(
    "ps",
    epilog="Examples:\n\n[bold]orchestrator ps --all[/bold]\n\n"
    "[bold]orchestrator ps --why[/bold]\n\n"
    "[bold]orchestrator ps --json | jq '.\\[].pid'[/bold]",
)
def ps_command(
    context: typer.Context,
    everyone: Annotated[
        bool, typer.Option("--all", "-a", help="Those that have ended, too.")
    ] = False,
    as_json: AsJson = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Keep the list up to date until Ctrl-C.")
    ] = False,
    why: Annotated[
        bool,
        typer.Option("--why", help="Say in full what each is doing, and how that is known."),
    ] = False,
) -> None:
    """List the agents of the workspace, of every orchestrator in it.

    WORK is what is seen of each at this moment; --why looks twice, and names the reasons. PROCS,
    MEM and CPU are those of an agent's whole tree. An agent is unsettled when nobody was left to
    record its end; the next start does, and so does a stop.
    """
    from . import ps  # noqa: PLC0415  0.2 s that other commands do without

    if not watch:
        ps.show(read_settings(context), everyone=everyone, as_json=as_json, why=why)
        return

    if as_json or why or not ps.can_watch():
        raise typer.BadParameter(
            "it needs a terminal, and goes without --json and --why", param_hint="--watch"
        )

    ps.watch(read_settings(context), everyone=everyone)


@commands.command(
    "logs",
    epilog="Examples:\n\n[bold]orchestrator logs -f worker-10[/bold]\n\n"
    "[bold]orchestrator logs --stderr -n 20 worker-101500-0a1b2c[/bold]",
)
def logs_command(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(help="Its id, or the beginning of it.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the agent has ended.")
    ] = False,
    errors: Annotated[bool, typer.Option("--stderr", help="Its standard error instead.")] = False,
    lines: Annotated[
        int | None,
        typer.Option(
            "--lines", "-n", min=0, metavar="N", help="Only the last N lines.", show_default=False
        ),
    ] = None,
) -> None:
    """Print what an agent wrote."""
    from . import logs  # noqa: PLC0415  0.2 s that other commands do without

    logs.show(read_settings(context), agent, follow=follow, errors=errors, lines=lines)
