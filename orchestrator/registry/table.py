"""What the tables have in common: a change that meets a damaged file is made again."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from .database import Database

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", bound="Table")


class Table:
    """One kind of record in the registry.

    Attributes:
        database: Where they are.
        memory: What this process knows of them.
    """

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self.database = database
        self.memory = database.memory


def mended(method: Callable[Concatenate[T, P], R]) -> Callable[Concatenate[T, P], R]:
    """Call the method again, as a whole, when the file was damaged and a sound one is in its place.

    It must have changed nothing when it raises, which a transaction sees to.
    """

    @functools.wraps(method)
    def call(self: T, *args: P.args, **options: P.kwargs) -> R:
        return self.database.mending(lambda: method(self, *args, **options))

    return call
