"""What a person reads who types the program's name and nothing else."""

from __future__ import annotations

from typing import Final

OVERVIEW: Final = """\
orchestrator - launches AI coding CLIs as headless agents, and leaves no process behind

See it work, without an account:
  orchestrator demo                       agents with bad habits, a killed server, nobody left

Use it from an MCP client, which starts it and speaks with it on standard input:
  claude mcp add claude-orchestrator -- orchestrator

Use it by hand:
  orchestrator run -- CMD ...             one agent in the foreground, its processes contained
  orchestrator ps                         the agents of this workspace
  orchestrator logs -f AGENT              what one of them writes
  orchestrator stop AGENT | --all         stop from outside; shows what was done
  orchestrator doctor                     what this machine offers, and what is left over

Every command explains itself with --help.
"""
