"""The MCP server with much memory besides: ``python -m orchestrator`` in a process that holds it.

The argument is how many megabytes; what is run then does not see it.
"""

from __future__ import annotations

import runpy
import sys

from .lines import held

_ARGUMENTS = 2


def main() -> int:
    """Hold the memory that the argument names, and be the server meanwhile."""
    if len(sys.argv) != _ARGUMENTS:
        sys.stderr.write("usage: python -m benchmarks.workers.heavy_server MB\n")
        return 2

    ballast = held(int(sys.argv.pop()))
    try:
        runpy.run_module("orchestrator", run_name="__main__", alter_sys=True)
    finally:
        del ballast

    return 0


if __name__ == "__main__":
    sys.exit(main())
