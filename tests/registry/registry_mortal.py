"""A process of its own that opens a registry: ``registry_mortal.py WORKSPACE NUMBER``.

It kills itself before its NUMBERth step: a statement of sqlite, or another name for a file. 0 lets
it live; then it prints how many steps there were.
"""

from __future__ import annotations

import itertools
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

_connect = sqlite3.connect
steps = itertools.count(1)


def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
    """Connect, and take each statement for a step."""
    connection = _connect(*arguments, **options)
    connection.set_trace_callback(lambda _: step())
    return connection


def stepping(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take each call for a step."""

    def call(*arguments: Any, **options: Any) -> Any:
        step()
        return function(*arguments, **options)

    return call


def step() -> None:
    """Take one more step, or die."""
    if next(steps) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sqlite3.connect = connect
    os.rename, os.replace = stepping(os.rename), stepping(os.replace)
    with Registry.open(Path(sys.argv[1])):
        pass

    sys.stdout.write(f"{next(steps) - 1}\n")
