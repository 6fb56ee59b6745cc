"""The page about the benchmarks: made from runs, by a command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import publish
from benchmarks.charts import Axis, Bar, Bars, Heat
from benchmarks.errors import BrokenError
from benchmarks.model import Column, PartResult, RunResult, Skipped, Table, Target
from benchmarks.parts import PARTS
from benchmarks.plots import missing
from benchmarks.publishing import sections
from benchmarks.publishing.markdown import plain, table, told, words
from benchmarks.publishing.page import compose
from benchmarks.publishing.sources import put_together, read
from benchmarks.soaking.model import SoakReport

ROOT = Path(__file__).resolve().parents[2]

HEAT = Heat(
    key="leaks",
    title="Processes left",
    rows=("ours", "tmux"),
    columns=("SIGTERM", "SIGKILL"),
    cells=((0.0, 0.0), (12.0, None)),
    unit="processes left",
    ours=("ours",),
)
BARS = Bars(
    key="launch-p50",
    title="Launching",
    axis=Axis(label="p50", unit="ms"),
    bars=(Bar(name="ours", value=4.25, ours=True),),
)
RATE = Target(name="launch() rate ÷ tmux", bound="at least", limit=4, unit="times")
LEAKS = PartResult(name="leaks", charts=(HEAT,))
LAUNCH = PartResult(
    name="launch",
    tables=(
        Table(
            title="One after another",
            columns=(Column(name="contender"), Column(name="p50", unit="ms")),
            rows=(("ours | theirs", 4.256), ("tmux", None)),
            notes=("The program is `sleep`.",),
        ),
    ),
    verdicts=(RATE.judge(1.25, detail="half of the rounds: 1.1 to 1.4"), RATE.judge(None)),
    skipped=(Skipped(name="circus", reason="not in /srv/agents/venv/bin/circusd"),),
    charts=(BARS,),
    busy_before=12.4,
)


def run_of(*parts: PartResult, plan: str = "full", noise: str = "p95 +3%") -> RunResult:
    machine = {"cores": "2 usable of 2", "noise": noise}
    return RunResult(plan=plan, machine=machine, parts=parts, left=(), seconds=61.5)


def write(folder: Path, name: str, run: RunResult | SoakReport) -> Path:
    file = folder / name
    file.write_text(run.model_dump_json(), encoding="utf-8")
    return file


def page_of(folder: Path, *runs: RunResult | SoakReport) -> str:
    files = [write(folder, f"{number}.json", run) for number, run in enumerate(runs)]
    return compose(put_together(map(read, files)), "benchmarks")


# ------------------------------------------------------------------------------------- its pieces
def test_paths_of_a_machine_are_cut_to_their_last_name_and_those_of_every_linux_stay() -> None:
    assert plain("no /srv/agents/venv/bin/circusd here") == "no circusd here"
    assert plain("read from /proc/self/status") == "read from /proc/self/status"
    assert plain("20 ms/s, and/or more; https://a.example/b/c") == (
        "20 ms/s, and/or more; https://a.example/b/c"
    )


def test_words_break_no_table_and_no_markup() -> None:
    assert words("a | b\n<c> _d_ ` e") == "a \\| b \\<c\\> \\_d\\_ \\` e"
    assert words("`a_b | c` _d_") == "`a_b \\| c` \\_d\\_"


def test_a_table_keeps_its_units_digits_gaps_and_notes() -> None:
    assert table(LAUNCH.tables[0]).splitlines() == [
        "**One after another**",
        "",
        "| contender | p50 \\[ms\\] |",
        "| --- | --: |",
        "| ours \\| theirs | 4.26 |",
        "| tmux | - |",
        "",
        "- The program is `sleep`.",
    ]


def test_a_long_table_is_folded_away() -> None:
    long = LAUNCH.tables[0].model_copy(update={"rows": (("one", 1.0),) * 30})
    assert table(long).startswith("<details>\n<summary>One after another (30 rows)</summary>\n\n|")


def test_a_chart_is_told_to_those_who_do_not_see_it() -> None:
    assert told(BARS) == "Launching: ours 4.25 ms"
    assert told(HEAT) == "Processes left: ours: 0 0; tmux: 12 –"  # noqa: RUF001


# --------------------------------------------------------------------------------------- the page
def test_the_page_begins_with_one_number_for_each_launcher(tmp_path: Path) -> None:
    text = page_of(tmp_path, run_of(LAUNCH, LEAKS))
    headline, _, _ = text.partition("## Targets")
    assert "| **ours** | **0** | 2 of 2 |" in headline
    assert "| tmux | **12** | 0 of 1 |" in headline
    assert 'srcset="benchmarks/leaks-dark.svg"' in headline
    assert text.count('srcset="benchmarks/leaks-dark.svg"') == 1


def test_every_target_is_met_missed_or_not_measured(tmp_path: Path) -> None:
    text = page_of(tmp_path, run_of(LAUNCH))
    assert "0 of 2 are met, 1 missed, 1 not measured." in text
    assert "| launch() rate ÷ tmux | 1.25 × | ≥ 4 × | **missed** | half of" in text  # noqa: RUF001


def test_a_part_shows_its_prose_plots_tables_and_who_is_missing(tmp_path: Path) -> None:
    text = page_of(tmp_path, run_of(LAUNCH))
    part = text.partition("## launch\n")[2].partition("\n## ")[0]
    assert "two forks" in part
    assert 'src="benchmarks/launch-p50-light.svg"' in part
    assert "| tmux | - |" in part
    assert "- Not measured: circus: not in circusd" in part
    assert "Run 1; in the second before, the cores were 12 % busy" in part


def test_of_a_part_that_several_files_have_the_last_one_counts_and_each_machine_is_named(
    tmp_path: Path,
) -> None:
    calmer = LAUNCH.model_copy(update={"verdicts": (RATE.judge(5.0),)})
    text = page_of(
        tmp_path,
        run_of(LAUNCH, LEAKS),
        run_of(calmer, plan="quick", noise="p95 +1%"),
    )
    assert "1 of 1 are met, 0 missed." in text
    assert "| run 1 |" in text
    assert "| run 2 |" in text
    assert "`python -m benchmarks --quick launch`" in text
    assert "p95 +1%" in text
    assert "p95 +3%" in text


def test_parts_stand_in_the_order_in_which_they_run_and_unknown_ones_last(tmp_path: Path) -> None:
    names = [part.name for part in PARTS]
    parts = [PartResult(name=name) for name in ("later", *reversed(names))]
    file = write(tmp_path, "run.json", run_of(*parts))
    assert [one.part.name for one in put_together([read(file)])] == [*names, "later"]


def test_a_soak_of_its_own_becomes_the_part(tmp_path: Path) -> None:
    soak = SoakReport(
        machine={"cores": "4"},
        seed=7,
        cycles=500,
        from_cycle=1,
        done=500,
        lanes=2,
        cut_short=False,
        seconds=90.0,
        lives=(),
        reports=(),
    )
    [one] = read(write(tmp_path, "soak.json", soak))
    assert one.part.name == "soak"
    assert one.source.command == "python -m benchmarks.soak --cycles 500 --seed 7"


def test_every_place_of_the_template_is_filled(tmp_path: Path) -> None:
    assert "<!-- here:" not in page_of(tmp_path, run_of(LAUNCH))


def test_a_place_that_nothing_fits_into_is_refused(tmp_path: Path) -> None:
    template = tmp_path / "page.md"
    template.write_text("<!-- here: nonsense -->", encoding="utf-8")
    with pytest.raises(BrokenError, match="nonsense"):
        compose((), "benchmarks", template)


def test_every_part_has_its_prose() -> None:
    folder = Path(sections.__file__).with_name("parts")
    assert {file.stem for file in folder.glob("*.md")} == {part.name for part in PARTS}


# ------------------------------------------------------------------------------------ the command
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_the_command_writes_page_and_plots_and_removes_those_of_charts_that_are_gone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "measured.md"
    folder = tmp_path / "measured"
    folder.mkdir()
    (folder / "old-dark.svg").touch()
    (folder / "notes.txt").touch()
    file = write(tmp_path, "run.json", run_of(LAUNCH))

    assert publish.main([str(file), "--page", str(target)]) == 0
    assert sorted(one.name for one in folder.iterdir()) == [
        "launch-p50-dark.png",
        "launch-p50-dark.svg",
        "launch-p50-light.png",
        "launch-p50-light.svg",
        "notes.txt",
    ]
    text = target.read_text(encoding="utf-8")
    assert text.startswith("<!-- Generated by `python -m benchmarks.publish")
    shown = re.findall(r'(?:src|srcset)="([^"]+)"|\]\((measured/[^)]+)\)', text)
    assert shown
    assert all((tmp_path / (source or link)).is_file() for source, link in shown)
    assert "launch" in capsys.readouterr().out


def test_a_file_that_is_no_run_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "run.json"
    file.write_text('{"plan": "full"}', encoding="utf-8")
    target = tmp_path / "page.md"
    assert publish.main([str(file), "--page", str(target)]) == publish.REFUSED
    assert not target.exists()
    said = capsys.readouterr().err
    assert missing() is not None or "run.json is not the JSON of a run" in said


def test_the_page_in_the_repository_is_a_generated_one_with_all_its_pictures() -> None:
    text = publish.PAGE.read_text(encoding="utf-8")
    assert text.startswith("<!-- Generated by")
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    assert pictures
    assert all((publish.PAGE.parent / picture).is_file() for picture in pictures)
