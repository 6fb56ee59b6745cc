"""Which runs of orchestrators are there: each holds a lock on a file of its own while it lives."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from orchestrator.errors import RegistryError

from .atomic import create_private, make_private_folder

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from orchestrator.model import OrchestratorId

#: A name that comes and goes.
_NEWS: Final = ".news"


class Presence:
    """The files, in a folder that tells by its changes who comes and who goes in good order.

    A lock says more than a pid: the kernel frees it with the process, and it is seen from inside
    another container, where that pid is nobody's.

    Attributes:
        folder: Where the files are.
    """

    def __init__(self, folder: Path) -> None:
        """Use this folder; it is made when there is none."""
        self.folder = folder

    @contextmanager
    def hold(self, run: OrchestratorId) -> Generator[None]:
        """Be there for the length of the block.

        Raises:
            RegistryError: The file cannot be made.
        """
        try:
            descriptor = self._make(self._file(run))
        except OSError as error:
            raise RegistryError(
                f"{self._file(run)} cannot be made and locked ({error.strerror}): check its "
                "folder, or put the workspace on a local file system"
            ) from error

        try:
            yield
        finally:
            self.forget(run)
            os.close(descriptor)

    def announce(self) -> None:
        """Have everyone who watches the folder look at what is on record."""
        news = self.folder / _NEWS
        try:
            news.touch()
            news.unlink(missing_ok=True)
        except OSError:
            return

    def is_held(self, run: OrchestratorId) -> bool | None:
        """Whether a run lives; None when there is no file of it that could say so."""
        try:
            descriptor = os.open(self._file(run), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None

        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return None
        finally:
            os.close(descriptor)

        return False

    def forget(self, run: OrchestratorId) -> None:
        """Remove the file of a run that is over."""
        try:
            self._file(run).unlink(missing_ok=True)
        except OSError:
            return

    def _make(self, path: Path) -> int:
        """Make a file that nobody ever sees unlocked, and return its descriptor."""
        make_private_folder(self.folder)
        draft = path.with_name(f".{path.name}")
        descriptor = create_private(draft)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.replace(path)
        except OSError:
            os.close(descriptor)
            raise

        return descriptor

    def _file(self, run: OrchestratorId) -> Path:
        return self.folder / run
