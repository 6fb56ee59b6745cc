"""What the documentation promises: its code runs, its links resolve, its lists are complete."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import typer.main

import orchestrator
from orchestrator.config import Settings
from orchestrator.frontends.cli.program import app

ROOT: Final = Path(__file__).resolve().parents[2]
REFERENCE: Final = ROOT / "docs" / "reference"
PAGES: Final = (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_VARIABLE = re.compile(r"\b(?:CLAUDE|ORCHESTRATOR)_[A-Z_]*[A-Z]\b|\bCLAUDECODE\b")
_QUOTED_VARIABLE = re.compile(r'"((?:CLAUDE|ORCHESTRATOR)_[A-Z_]*[A-Z]|CLAUDECODE)"')


class Example(NamedTuple):
    """One block of Python in one page."""

    page: Path
    code: str


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [code for kind, code in _FENCE.findall(page.read_text()) if kind == language]


EXAMPLES: Final = [Example(page, code) for page in PAGES for code in blocks(page, "python")]


def command_after(marker: str) -> str:
    """Return what `.ci/run` takes from the README: the fence right after the marker."""
    _, found, rest = (ROOT / "README.md").read_text().partition(f"<!-- ci:{marker} -->\n")
    assert found, f"the README has no marker ci:{marker}"
    opening, _, rest = rest.partition("\n")
    assert opening == "```sh"
    command, closing, _ = rest.partition("\n```\n")
    assert closing
    return command


def cells(page: Path) -> list[list[str]]:
    """Return the rows of all tables of a page, without their headings and rules."""
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


# --------------------------------------------------------------------------------- code that runs
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: name_of(example.page))
def test_every_python_example_runs(example: Example, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(example.code)
    inherited = {name: os.environ[name] for name in os.environ if not _VARIABLE.match(name)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={**inherited, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_the_readme_shows_the_library() -> None:
    assert any(example.page == ROOT / "README.md" for example in EXAMPLES)


@pytest.mark.parametrize("marker", ["demo", "tests"])
def test_a_marker_of_the_readme_yields_one_command_for_the_ci(marker: str) -> None:
    command = command_after(marker)
    assert command.startswith("python3 -m venv .venv && ")
    assert "\n" not in command
    assert f"readme_command {marker}" in (ROOT / ".ci" / "run").read_text()


# ---------------------------------------------------------------------------------------- links
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken: list[str] = []
    for link in _LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue

        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or not target.is_relative_to(ROOT):
            broken.append(link)
        elif anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            if anchor not in {slug(heading) for heading in headings}:
                broken.append(link)

    assert not broken


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(index.read_text())}
    pages = {page for page in PAGES if page.is_relative_to(index.parent)} - {index}
    assert linked == pages


# ---------------------------------------------------------------------------------------- lists
def test_the_library_page_names_exactly_what_is_public() -> None:
    named = [row[0].strip("`") for row in cells(REFERENCE / "library.md")]
    assert sorted(named) == sorted(orchestrator.__all__)


def test_the_settings_page_names_every_variable_of_the_code_and_no_other() -> None:
    package = ROOT / "orchestrator"
    used = {
        name
        for source in package.rglob("*.py")
        for name in _QUOTED_VARIABLE.findall(source.read_text())
    }
    assert "CLAUDE_ORCHESTRATOR_WORKSPACE" in used
    named = set(_VARIABLE.findall((REFERENCE / "settings.md").read_text()))
    assert named == used | {"CLAUDE_CLI"}  # which the tests read


def test_the_settings_page_and_the_readme_give_the_defaults_of_the_code() -> None:
    settings = Settings.read({}, cwd=ROOT)
    expected = {
        "CLAUDE_ORCHESTRATOR_WORKSPACE": settings.workspace.name,
        "CLAUDE_ORCHESTRATOR_MAX_AGENTS": str(settings.limits.max_agents),
        "CLAUDE_ORCHESTRATOR_MAX_CONCURRENT": str(settings.limits.max_concurrent),
        "CLAUDE_ORCHESTRATOR_MAX_DEPTH": str(settings.limits.max_depth),
        "CLAUDE_EXECUTABLE": " ".join(settings.claude_executable),
        "CLAUDE_FLAGS": " ".join(settings.claude_flags),
        "ORCHESTRATOR_SHUTDOWN_TIMEOUT": str(settings.shutdown_timeout),
    }
    for page in (REFERENCE / "settings.md", ROOT / "README.md"):
        given = {
            row[0].strip("`"): row[1].split("`")[1]
            for row in cells(page)
            if row[0].strip("`") in expected and row[1].startswith("`")
        }
        assert given == {name: expected[name] for name in given}
        assert set(given) >= set(expected) - {"ORCHESTRATOR_SHUTDOWN_TIMEOUT"}


def test_the_command_line_page_names_every_command_and_option() -> None:
    page = (REFERENCE / "command-line.md").read_text()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    group = typer.main.get_group(app)
    assert set(sections) == set(group.commands)
    for name, command in group.commands.items():
        options = {option for param in command.params for option in param.opts}
        expected = {option for option in options if option.startswith("--")} - {"--help"}
        assert expected == set(re.findall(r"--[a-z][a-z-]+", sections[name])), name


# --------------------------------------------------------------------------------------- faults
def test_every_row_of_the_fault_matrix_is_promised_and_names_tests_that_are_there() -> None:
    page = (REFERENCE / "faults.md").read_text()
    rows = re.findall(r"^\| ([A-Z]+ ?\d+) \|(.*)\|$", page, re.MULTILINE)
    named = {name for name, _ in rows}
    expected = {f"A{n}" for n in range(1, 12)} | {f"O{n}" for n in range(1, 11)}
    expected |= {f"R{n}" for n in range(1, 7)} | {f"S{n}" for n in range(1, 6)} | {"PID 1"}
    assert named == expected
    for name, text in rows:
        files = re.findall(r"`(tests/[\w/]+\.py)`", text)
        assert files, name
        assert all((ROOT / file).is_file() for file in files), name
