"""What an agent wrote, read from its log: pure logic over one file."""

from __future__ import annotations

from .answer import read_output
from .query import OutputQuery, check

__all__ = ["OutputQuery", "check", "read_output"]
