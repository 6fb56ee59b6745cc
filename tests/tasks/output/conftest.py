"""The answers that were recorded from the original server, and the logs behind them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

Case: TypeAlias = dict[str, Any]

SAMPLES = Path(__file__).parents[3].parent / "shared" / "contract" / "samples" / "seed.json"

#: Sizes in bytes of the two logs, as the recorded answers tell them.
SMALL_LOG = 1252
BIG_LOG = 32827


@pytest.fixture
def recorded() -> dict[str, Case]:
    """The recorded calls of the original server, by the name of the case."""
    if not SAMPLES.exists():
        pytest.skip(f"the recorded contract is not at {SAMPLES}")

    cases: list[Case] = json.loads(SAMPLES.read_text())
    return {case["case"]: case for case in cases}


@pytest.fixture
def small_log(recorded: dict[str, Case], tmp_path: Path) -> Path:
    """The log behind the cases ``output: ...``; where the working directory was, x stands."""
    text: str = recorded["output: default"]["result"]["output"]
    return _log(tmp_path / "small.jsonl", [text], SMALL_LOG)


@pytest.fixture
def big_log(recorded: dict[str, Case], tmp_path: Path) -> Path:
    """The log behind the cases ``output big: ...``, with its line of 28 kB."""
    events: list[Any] = recorded['output big: {"format": "parsed"}']["result"]["output"]
    block = events[31]["message"]["content"][0]
    for mark in ("truncated", "truncation_type", "original_length"):
        del block[mark]

    block["content"] = "\n".join(f"line {number} {'x' * 60}" for number in range(400))
    lines = [json.dumps(event) for event in events]
    return _log(tmp_path / "big.jsonl", [*lines, "this line is not json"], BIG_LOG)


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes lines, or bytes as they are, to a log."""

    def write(*lines: str | bytes) -> Path:
        path = tmp_path / "agent_stream.jsonl"
        parts = [line if isinstance(line, bytes) else f"{line}\n".encode() for line in lines]
        path.write_bytes(b"".join(parts))
        return path

    return write


def _log(path: Path, lines: list[str], size: int) -> Path:
    text = "".join(f"{line}\n" for line in lines)
    missing = size - len(text.replace("<CWD>", ""))
    path.write_text(text.replace("<CWD>", "x" * missing))
    assert path.stat().st_size == size
    return path
