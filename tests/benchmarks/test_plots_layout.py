"""Where things stand in a picture, and in which colour."""

from __future__ import annotations

from itertools import pairwise

import pytest

pytest.importorskip("matplotlib", reason="not installed: pip install --group bench")

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.charts import Axis
from benchmarks.drawing.colours import DARK, LIGHT, Colours
from benchmarks.drawing.heat import ink_on
from benchmarks.drawing.layout import between, fold, spread, tick
from benchmarks.drawing.lines import scale_of

PLACES = st.lists(st.floats(min_value=0.0, max_value=1.0), max_size=12)


def luminance(paint: str) -> float:
    shares = [int(paint[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@given(PLACES)
def test_names_never_overlap_and_keep_their_order(places: list[float]) -> None:
    found = spread(places, 0.1)
    pairs = sorted(zip(places, found, strict=True))
    ordered = [place for _, place in pairs]
    assert sorted(found) == pytest.approx(ordered)
    gaps = [after - before for before, after in pairwise(ordered)]
    assert all(gap >= 0.1 - 1e-9 for gap in gaps)


def test_names_that_have_room_stay_where_they_are() -> None:
    assert spread([0.9, 0.1, 0.5], 0.1) == [0.9, 0.1, 0.5]


def test_names_at_one_place_are_spread_around_it() -> None:
    assert spread([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])


@pytest.mark.parametrize(
    ("log", "values", "expected"),
    [
        (True, [1.0, 10.0], ("log", 1.0)),
        (True, [0.0, 10.0], ("symlog", 10.0)),
        (True, [0.0, 0.0], ("linear", 0.0)),
        (False, [0.0, 3.0], ("linear", 3.0)),
        (True, [], ("linear", 0.0)),
    ],
)
def test_an_axis_of_factors_gives_way_to_zeros(
    log: bool, values: list[float], expected: tuple[str, float]
) -> None:
    assert scale_of(Axis(label="x", log=log), values) == expected


def test_figures_on_an_axis_are_plain_and_only_twos_and_fives_stand_between_powers() -> None:
    assert [tick(0.5), tick(20000.0), tick(0.0)] == ["0.5", "20,000", "0"]
    assert [between(float(value), None) for value in (2, 3, 50, 70)] == ["2", "", "50", ""]


def test_a_long_name_is_broken_between_words_only() -> None:
    assert fold("start_new_session + killpg", 12) == "start_new_session\n+ killpg"
    assert fold("", 12) == ""


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_can_be_read_on_their_page_and_on_every_cell(colours: Colours) -> None:
    for paint in (colours.ink, colours.faint, colours.ours[0], colours.goal):
        assert contrast(paint, colours.page) >= 4.5, paint

    for paint in (*colours.ours, *colours.others[1:]):
        assert contrast(paint, colours.page) >= 2.5, paint

    for paint in (*colours.heat, colours.clean):
        assert contrast(ink_on(paint), paint) >= 4.5, paint
