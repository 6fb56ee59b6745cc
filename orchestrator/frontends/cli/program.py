"""The command line, from its arguments to an exit status."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

from orchestrator.errors import OrchestratorError

from . import commands_act, commands_look, commands_more, commands_run
from .application import app

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["app", "run"]

# in the order in which --help shows them
for each in (commands_run, commands_look, commands_act, commands_more):
    app.add_typer(each.commands)


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
