"""The statistics of the benchmarks."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Middle, median, middle, noise, pace, quantile, rate, ratio, typical
from benchmarks.model import Round, Series

TIMES = st.lists(st.floats(min_value=0.001, max_value=1e6), min_size=2, max_size=60)
SHARES = st.floats(min_value=0.0, max_value=1.0)


def turn(*times: float, wall: float | None = None) -> Round:
    return Round(times=times, wall=sum(times) if wall is None else wall)


def series(*rounds: Round, key: str = "one") -> Series:
    return Series(key=key, name=key, rounds=rounds)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.9, 4.6), (1.0, 5.0)]
)
def test_a_quantile_lies_between_the_two_values_around_it(share: float, expected: float) -> None:
    assert quantile([5.0, 1.0, 3.0, 2.0, 4.0], share) == pytest.approx(expected)


def test_of_one_value_every_quantile_is_that_value() -> None:
    assert quantile([7.0], 0.99) == 7.0


@given(TIMES)
def test_quantiles_agree_with_those_of_the_standard_library(times: list[float]) -> None:
    expected = statistics.quantiles(times, n=100, method="inclusive")
    assert [quantile(times, n / 100) for n in range(1, 100)] == pytest.approx(expected)


@given(TIMES, SHARES, SHARES)
def test_a_larger_share_never_has_a_smaller_quantile(
    times: list[float], one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assert quantile(times, low) <= quantile(times, high) + 1e-9 * max(times)


def test_no_values_have_no_quantile() -> None:
    with pytest.raises(ValueError, match="no values"):
        median([])


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_beyond_the_whole_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1.0], share)


def test_the_middle_has_half_of_the_values_in_it() -> None:
    assert middle([1.0, 2.0, 3.0, 4.0, 5.0]) == Middle(value=3.0, low=2.0, high=4.0)


def test_the_spread_is_half_of_that_width_as_a_share_of_the_median() -> None:
    assert Middle(value=4.0, low=3.0, high=5.0).spread == pytest.approx(0.25)
    assert Middle(value=0.0, low=0.0, high=0.0).spread == 0.0


def test_the_rate_side_by_side_counts_the_wall_clock_and_not_the_single_times() -> None:
    assert rate(series(turn(10.0, 10.0, 10.0, 10.0, wall=20.0))) == pytest.approx(200.0)
    assert pace(turn(10.0, 20.0, wall=20.0)) == pytest.approx(100.0)


def test_one_slow_launch_of_a_round_is_not_noise_but_a_slow_round_is() -> None:
    outlier = series(turn(1.0, 1.0, 50.0), turn(1.0, 1.0, 1.0), turn(1.0, 1.0, 1.0))
    swing = series(turn(1.0, 1.0, 1.0), turn(2.0, 2.0, 2.0), turn(3.0, 3.0, 3.0))
    assert noise(outlier) == 0.0
    assert noise(swing) == pytest.approx(25.0)
    assert noise(series(turn(1.0), turn(2.0))) is None


def test_a_ratio_is_untouched_by_noise_that_hits_a_whole_round() -> None:
    ours = series(turn(4.0, 4.0), turn(40.0, 40.0), turn(8.0, 8.0))
    floor = series(turn(1.0, 1.0), turn(10.0, 10.0), turn(2.0, 2.0))
    assert ratio(ours, floor, typical) == Middle(value=4.0, low=4.0, high=4.0)
    assert ratio(ours, floor, pace).value == pytest.approx(0.25)


def test_series_that_did_not_share_their_rounds_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratio(series(turn(1.0)), series(turn(1.0), turn(1.0)), typical)
