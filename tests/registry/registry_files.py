"""Registries as files: filled, damaged, set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry_records import agent

from orchestrator.registry import Registry
from orchestrator.registry.registry import FILE, FOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.model import AgentRecord


def of_fifty(workspace: Path) -> Path:
    """Make a registry that holds 50 agents and is closed; returns its file."""
    with Registry.open(workspace) as registry:
        add_all(registry, [agent() for _ in range(50)])

    return workspace / FOLDER / FILE


def add_all(registry: Registry, records: list[AgentRecord]) -> None:
    for each in records:
        registry.agents.add(each)


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


def flip(path: Path, offset: int, length: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset : offset + length] = bytes(b ^ 0xFF for b in content[offset : offset + length])
    path.write_bytes(content)
