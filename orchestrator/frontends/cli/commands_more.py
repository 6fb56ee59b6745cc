"""The commands about the machine and the program: doctor, demo and mcp."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from .application import AsJson, read_settings

commands = typer.Typer()


@commands.command("doctor")
def doctor_command(
    context: typer.Context,
    orphans: Annotated[
        bool,
        typer.Option(
            "--orphans",
            help="List who is left over: of agents, and orphaned agent CLIs of other tools.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what this machine offers, how the workspace is, and what is left over.

    Changes nothing. The status is 1 when something is broken; with --orphans, when a process of an
    agent has no keeper.
    """
    from .doctor import program  # noqa: PLC0415  0.3 s that other commands do without

    look = program.orphans if orphans else program.doctor
    raise typer.Exit(look(read_settings(context), as_json=as_json))


@commands.command("demo", epilog="Example:\n\n[bold]orchestrator demo[/bold]")
def demo_command(
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            metavar="P",
            help="claude: the real CLI, with your account, instead of the samples.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Kill a server that has agents with bad habits, and count what is left.

    A real MCP client starts the real server in a temporary workspace and has it launch sample
    agents: one that reports progress, one with a tool in a session of its own, one that starts a
    daemon, one that ignores signals, one that ends by itself. Then the server gets SIGKILL. No
    account and no key are needed; it takes about ten seconds. The status is 0 if nobody is left.
    """
    if provider not in {None, "claude"}:
        raise typer.BadParameter(
            f"{provider!r} is none of the demo's; there is: claude", param_hint="--provider"
        )

    from .demo.program import demo  # noqa: PLC0415  1.5 s that other commands do without

    raise typer.Exit(demo(provider=provider, as_json=as_json))


@commands.command("mcp")
def mcp_command(context: typer.Context) -> None:
    """Serve MCP on standard input and output; the same as no command at all."""
    from orchestrator.frontends.mcp.program import main as serve  # noqa: PLC0415  takes 1 s

    if context.obj is not None:
        os.environ["CLAUDE_ORCHESTRATOR_WORKSPACE"] = str(context.obj)

    raise typer.Exit(serve())
