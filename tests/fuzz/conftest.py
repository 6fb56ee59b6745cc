"""One server for many examples, on each backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .house import Houses
from .profiles import ADVICE, PROFILE, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Generator


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how to explore more than this run did."""
    if PROFILE.derandomize:
        terminalreporter.write_line(ADVICE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder the time that the profile takes."""
    for item in items:
        if "/tests/fuzz/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def houses(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Houses]:
    """Servers on a backend, one after the other where an example ruins one."""
    made = Houses(tmp_path_factory.mktemp("fuzz"), str(request.param))
    yield made
    made.close()
