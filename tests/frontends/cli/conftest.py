"""The program in a workspace of its own, for every test of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .programs import Program

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@pytest.fixture
def program(tmp_path: Path) -> Generator[Program]:
    program = Program(tmp_path)
    try:
        yield program
    finally:
        program.close()
