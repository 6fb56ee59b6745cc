"""What the package says that it offers is what can be imported from it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import orchestrator


@pytest.mark.parametrize("name", orchestrator.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    assert getattr(orchestrator, name) is not None


def test_dir_all_and_the_table_of_homes_name_the_same() -> None:
    offered = set(orchestrator.__all__)
    assert len(offered) == len(orchestrator.__all__)
    assert sorted(orchestrator.__all__) == dir(orchestrator)
    assert offered - {"__version__"} == set(orchestrator._HOMES)  # pyright: ignore[reportPrivateUsage]


def test_what_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = orchestrator.no_such_name  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]


def test_a_star_import_brings_all_of_it_and_nothing_else() -> None:
    code = "from orchestrator import *; print(*sorted(n for n in dir() if n[0] != '_'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == set(orchestrator.__all__) - {"__version__"}


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import orchestrator, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"anyio", "pydantic", "psutil", "mcp"} & set(done.stdout.split())
