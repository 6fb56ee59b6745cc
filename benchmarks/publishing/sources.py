"""Files of runs: read, checked, put together; what comes later replaces what came before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from benchmarks.errors import BrokenError
from benchmarks.model import PartResult, RunResult
from benchmarks.parts import PARTS
from benchmarks.soaking.model import SoakReport
from benchmarks.soaking.tables import part_result
from orchestrator.model.base import Noun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Source(Noun):
    """Where figures come from.

    Attributes:
        command: What was run, without its options for files.
        machine: As in `RunResult`.
        seconds: How long the whole run took.
        left: As in `RunResult`.
    """

    command: str
    machine: dict[str, str]
    seconds: float
    left: tuple[str, ...]


class Measured(Noun):
    """A part and where it comes from.

    Attributes:
        part: What was found.
        source: The run that it is of.
    """

    part: PartResult
    source: Source


_ADAPTER: TypeAdapter[RunResult | SoakReport] = TypeAdapter(RunResult | SoakReport)


def read(file: Path) -> tuple[Measured, ...]:
    """Read what ``python -m benchmarks --json`` or ``python -m benchmarks.soak --json`` wrote.

    Raises:
        BrokenError: It is neither, or cannot be read.
    """
    try:
        found = _ADAPTER.validate_json(file.read_bytes())
    except OSError as error:
        raise BrokenError(f"{file.name} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise BrokenError(
            f"{file.name} is not the JSON of a run, nor of a soak: {where}: {fault['msg']}"
        ) from error

    if isinstance(found, SoakReport):
        command = f"python -m benchmarks.soak --cycles {found.cycles} --seed {found.seed}"
        parts = [part_result(found)]
    else:
        command = "python -m benchmarks"
        command += "" if found.plan == "full" else f" --{found.plan}"
        parts = list(found.parts)
        if len(parts) < len(PARTS):
            command += "".join(f" {part.name}" for part in parts)

    source = Source(command=command, machine=found.machine, seconds=found.seconds, left=found.left)
    return tuple(Measured(part=part, source=source) for part in parts)


def put_together(files: Iterable[tuple[Measured, ...]]) -> tuple[Measured, ...]:
    """Keep the last of each part, in the order in which parts run; unknown ones come last."""
    latest = {one.part.name: one for file in files for one in file}
    order = [part.name for part in PARTS]
    known = [latest.pop(name) for name in order if name in latest]
    return (*known, *latest.values())
