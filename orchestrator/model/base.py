"""The base of every noun: frozen, and strict about what it does not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Noun(BaseModel):
    """A frozen value without I/O; equal by content."""

    model_config = ConfigDict(frozen=True, extra="forbid")
