"""The commands and their options; what they do stands in a module for each."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path  # noqa: TC003  typer reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from orchestrator import __version__
from orchestrator.errors import OrchestratorError

from .overview import ADD_TO_CLAUDE, escaped

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def run(arguments: Sequence[str]) -> int:
    """Run a command line, and return its exit status.

    Errors raised on purpose become one line on standard error and the status 1; a command line
    that cannot be understood is answered with the status 2.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A path or a terminal may hold what the other's encoding cannot.
            stream.reconfigure(errors="backslashreplace")

    try:
        app(args=list(arguments), prog_name="orchestrator")
    except OrchestratorError as error:
        sys.stdout.flush()
        sys.stderr.write(f"orchestrator: {error}\n")
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)

    return 0


def _settings(context: typer.Context) -> Settings:
    from orchestrator.config import Settings  # noqa: PLC0415  0.2 s that --help does without

    return Settings.read(workspace=context.obj)


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


@app.command(
    "run",
    context_settings={"allow_interspersed_args": False},
    epilog="Examples:\n\n[bold]orchestrator run -- make test[/bold]\n\n"
    "[bold]git diff | orchestrator run --provider claude[/bold]",
)
def run_command(
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
    as_json: Annotated[
        bool,
        typer.Option("--json", help="Print how it ended as JSON instead of passing its output on."),
    ] = False,
) -> None:
    """Run one agent in the foreground; when it ends, all that it started ends.

    What is piped in is read to its end and becomes its prompt (its standard input). Its output is
    passed on as it comes, and so is its exit status: 128 + n after signal n. Ctrl-C asks it to
    stop, with its full grace; a second Ctrl-C kills all of it at once.
    """
    from . import run as implementation  # noqa: PLC0415  0.3 s that other commands do without

    settings = _settings(context)
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
        as_json=as_json,
    )
    raise typer.Exit(status)


@app.command(
    "ps",
    epilog="Examples:\n\n[bold]orchestrator ps --all[/bold]\n\n"
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
) -> None:
    """List the agents of the workspace, of every orchestrator in it.

    PROCS, MEM and CPU are those of an agent's whole tree. An agent is unsettled when nobody was
    left to record its end; the next start does, and so does a stop.
    """
    from . import ps  # noqa: PLC0415  0.2 s that other commands do without

    if not watch:
        ps.show(_settings(context), everyone=everyone, as_json=as_json)
        return

    if as_json or not ps.can_watch():
        raise typer.BadParameter(
            "it needs a terminal, and goes without --json", param_hint="--watch"
        )

    ps.watch(_settings(context), everyone=everyone)


@app.command(
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

    logs.show(_settings(context), agent, follow=follow, errors=errors, lines=lines)


@app.command(
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
        _settings(context),
        tuple(agents or ()),
        everyone=everyone,
        kill=kill,
        reason=reason,
        as_json=as_json,
    )
    raise typer.Exit(status)


@app.command("doctor")
def doctor_command(context: typer.Context, as_json: AsJson = False) -> None:
    """Say what this machine offers, how the workspace is, and what is left over.

    Changes nothing. The status is 1 when something is broken.
    """
    from . import doctor  # noqa: PLC0415  0.3 s that other commands do without

    raise typer.Exit(doctor.doctor(_settings(context), as_json=as_json))


@app.command("demo", epilog="Example:\n\n[bold]orchestrator demo[/bold]")
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

    from . import demo  # noqa: PLC0415  1.5 s that other commands do without

    raise typer.Exit(demo.demo(provider=provider, as_json=as_json))


@app.command("mcp")
def mcp_command(context: typer.Context) -> None:
    """Serve MCP on standard input and output; the same as no command at all."""
    from orchestrator.frontends.mcp.program import main as serve  # noqa: PLC0415  takes 1 s

    if context.obj is not None:
        os.environ["CLAUDE_ORCHESTRATOR_WORKSPACE"] = str(context.obj)

    raise typer.Exit(serve())
