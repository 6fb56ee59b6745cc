"""What a person reads who types the program's name and nothing else."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import Final

_NAME: Final = "orchestrator"


def own_command(called: str) -> list[str]:
    """Return words that start this program from any folder, whatever is on PATH.

    Args:
        called: By which name it was started: ``sys.argv[0]``.
    """
    found = shutil.which(called)
    if found is not None and os.path.basename(found) == _NAME:  # noqa: PTH119  the server's start waits for pathlib
        return [os.path.abspath(found)]  # noqa: PTH100  the same

    return [sys.executable, "-m", _NAME]


def escaped(text: str) -> str:
    """Return it for a text in which brackets are markup."""
    return text.replace("[", "\\[")


ADD_TO_CLAUDE: Final = "claude mcp add claude-orchestrator --scope user -- " + shlex.join(
    own_command(sys.argv[0])
)

OVERVIEW: Final = f"""\
orchestrator - launches AI coding CLIs as headless agents, and leaves no process behind

See it work, without an account:
  orchestrator demo                       agents with bad habits, a killed server, nobody left

Use it from an MCP client, which starts it and speaks with it on standard input:
  {ADD_TO_CLAUDE}

Use it by hand:
  orchestrator run -- CMD ...             one agent in the foreground, its processes contained
  orchestrator ps                         the agents of this workspace
  orchestrator logs -f AGENT              what one of them writes
  orchestrator stop AGENT | --all         stop from outside; shows what was done
  orchestrator freeze | thaw AGENT        let it stand still, and go on
  orchestrator doctor                     what this machine offers, and what is left over

Every command explains itself with --help.
"""
