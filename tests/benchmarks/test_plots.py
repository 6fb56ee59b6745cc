"""Pictures of charts: what is in their files, and what they need."""

from __future__ import annotations

import html
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from rich.console import Console

from benchmarks.charts import Axis, Bar, Bars, Chart, Heat, Line, Lines
from benchmarks.errors import BrokenError
from benchmarks.model import PartResult, RunResult
from benchmarks.plots import THEMES, file_name, missing, write_plots
from benchmarks.program import draw
from benchmarks.words import NOTHING, TIMES, short, wanted, with_unit

ROOT = Path(__file__).resolve().parents[2]

needs_matplotlib = pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None,
    reason="matplotlib is not installed: pip install --group bench",
)

BARS = Bars(
    key="launch-p50",
    title="Launching <one> & another",
    axis=Axis(label="median", unit="ms", log=True),
    goal=2.5,
    bound="at most",
    bars=(
        Bar(name="bare Popen", value=0.87, low=0.7, high=1.2, ratio=1.0),
        Bar(name="ours", value=7.5, low=5.0, high=9.0, ratio=8.62, ours=True),
        Bar(name="nothing", value=0.0),
    ),
)
LINES = Lines(
    key="scale-launch",
    title="One more launch",
    x=Axis(label="live agents", log=True),
    y=Axis(label="wake-ups", unit="per s", log=True),
    goal=40.0,
    lines=(
        Line(name="ours", points=((1, 0.0), (1000, 0.0)), ours=True),
        Line(name="theirs", points=((1, 1.0), (1000, 900.0))),
        Line(name="unmeasured", points=()),
    ),
)
HEAT = Heat(
    key="leaks",
    title="Processes left",
    rows=("ours", "theirs"),
    columns=("SIGTERM", "SIGKILL of the whole group"),
    cells=((0.0, 0.0), (12.0, None)),
    unit="processes",
    ours=("ours",),
)


def words_in(picture: Path) -> list[str]:
    """Return what an SVG says in text, and not in outlines of letters."""
    found = re.findall(r"<text [^>]*>([^<]*)</text>", picture.read_text(encoding="utf-8"))
    return [html.unescape(text) for text in found]


# ----------------------------------------------------------------------------------------- words
@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0"),
        (1234.5, "1,234"),
        (12.34, "12.3"),
        (7.0, "7"),
        (0.001234, "0.00123"),
        (-0.5, "-0.500"),
    ],
)
def test_a_figure_has_three_digits_that_count(value: float, written: str) -> None:
    assert short(value) == written


def test_a_goal_says_on_which_side_of_it_figures_should_be() -> None:
    assert wanted(5.0, "at most", "ms") == "goal ≤ 5 ms"
    assert wanted(0.5, "at least", "") == "goal ≥ 0.500"
    assert wanted(5.0, None, "ms") == "goal 5 ms"
    assert with_unit("5", "") == "5"


# ---------------------------------------------------------------------------------------- charts
@pytest.mark.parametrize("key", ["", "../up", "Launch", "a b", "-x"])
def test_a_key_that_is_no_name_of_a_file_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="key"):
        BARS.model_copy().model_validate({**BARS.model_dump(), "key": key})


# --------------------------------------------------------------------------------------- pictures
@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw all three once."""
    folder = tmp_path_factory.mktemp("plots") / "new"
    written = write_plots([BARS, LINES, HEAT], folder)
    assert sorted(written) == sorted(folder.iterdir())
    return folder


@needs_matplotlib
@pytest.mark.parametrize("chart", [BARS, LINES, HEAT], ids=lambda chart: chart.kind)
def test_a_chart_becomes_an_svg_and_a_png_for_light_and_for_dark_pages(
    chart: Chart, folder: Path
) -> None:
    light, dark = ((folder / file_name(chart.key, theme, "svg")) for theme in THEMES)
    assert "#0d1117" in dark.read_text(encoding="utf-8")
    assert "#0d1117" not in light.read_text(encoding="utf-8")
    assert chart.title in words_in(light)
    pngs = [(folder / file_name(chart.key, theme, "png")).read_bytes() for theme in THEMES]
    assert all(png.startswith(b"\x89PNG") for png in pngs)
    assert pngs[0] != pngs[1]


@needs_matplotlib
def test_bars_say_their_names_values_ratios_and_the_goal_in_text(folder: Path) -> None:
    said = [one.strip() for one in words_in(folder / "launch-p50-light.svg")]
    wanted = {"ours", "7.50 ms", f"8.62 {TIMES}", "÷ floor", "goal ≤ 2.50 ms", "median [ms]"}
    assert wanted <= set(said)
    assert "0 ms" in said


@needs_matplotlib
def test_lines_name_each_that_has_points_and_show_zeros_on_an_axis_of_factors(
    folder: Path,
) -> None:
    said = words_in(folder / "scale-launch-dark.svg")
    assert {"ours", "theirs", "goal 40 per s", "1,000", "0"} <= set(said)
    assert "unmeasured" not in said


@needs_matplotlib
def test_a_heat_map_writes_every_cell_and_what_was_not_measured(folder: Path) -> None:
    said = words_in(folder / "leaks-light.svg")
    assert said.count("0") == 2
    assert {"12", NOTHING, "ours", "theirs", "SIGTERM"} <= set(said)


@needs_matplotlib
def test_the_same_charts_give_the_same_bytes_without_a_date(folder: Path, tmp_path: Path) -> None:
    again = write_plots([HEAT], tmp_path)
    for file in again:
        assert file.read_bytes() == (folder / file.name).read_bytes()

    assert "date>" not in again[0].read_text(encoding="utf-8")


def test_charts_that_would_write_the_same_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenError, match="launch-p50"):
        write_plots([BARS, BARS], tmp_path)


WITHOUT = """
import sys
sys.modules["matplotlib"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "matplotlib" else find(name, *more)

from pathlib import Path
from rich.console import Console
import benchmarks.publish
from benchmarks.model import RunResult
from benchmarks.program import draw

run = RunResult(plan="full", machine={}, parts=(), left=(), seconds=1.0)
assert draw(run, Path("plots"), Console())
sys.exit(benchmarks.publish.main(["run.json"]))
"""


def test_without_matplotlib_all_else_works_and_it_is_said_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    reason = "matplotlib is not installed: pip install --group bench\n"
    assert done.stdout == f"plots skipped: {reason}"
    assert done.stderr == f"the pictures cannot be drawn: {reason}"
    assert done.returncode == 2
    assert not any(tmp_path.iterdir())


@needs_matplotlib
def test_charts_that_share_their_files_make_a_run_a_broken_one(tmp_path: Path) -> None:
    parts = tuple(PartResult(name=name, charts=(BARS,)) for name in ("launch", "stop"))
    run = RunResult(plan="full", machine={}, parts=parts, left=(), seconds=1.0)
    assert not draw(run, tmp_path, Console(quiet=True))
    assert draw(run.model_copy(update={"parts": ()}), tmp_path, Console(quiet=True))


@needs_matplotlib
def test_with_matplotlib_nothing_is_missing() -> None:
    assert missing() is None
