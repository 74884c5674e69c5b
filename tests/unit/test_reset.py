"""The moment of the reset, from whole seconds rounded in any of three ways."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from focus_cte._reset import PRECISE, ResetMoment

ROUNDINGS = {"up": math.ceil, "down": math.floor, "nearest": round}
roundings = st.sampled_from(sorted(ROUNDINGS))
waits = st.lists(st.floats(0.0, 59.0), min_size=1, max_size=30)


@given(roundings, waits, st.floats(60, 70), st.floats(0, 0.3))
def test_the_moment_is_never_after_the_latest(
    rounding: str, times: list[float], end: float, delay: float
) -> None:
    moment = ResetMoment()
    for at in sorted(times):
        seconds = ROUNDINGS[rounding](end - at)
        assert moment.contradicts(at - delay, at + delay, seconds) == 0
        moment.observe(at - delay, at + delay, seconds)
    assert moment.latest >= end
    assert moment.latest <= end + 2 + 2 * delay + 0.1


@pytest.mark.parametrize("rounding", sorted(ROUNDINGS))
@pytest.mark.parametrize("end", [15.0, 15.21, 15.5, 15.77])
def test_well_timed_requests_find_the_end_within_a_fraction_of_a_second(
    rounding: str, end: float
) -> None:
    moment = ResetMoment()
    now, probes = 0.3, 0
    moment.observe(now, now, ROUNDINGS[rounding](end - now))
    promised = moment.probes()
    while (now := moment.next_probe(now)) < end:
        probes += 1
        moment.observe(now, now, ROUNDINGS[rounding](end - now))
        moment.not_over(now)
    assert now - end <= PRECISE + 0.1
    assert probes <= promised


def test_what_one_end_shows_of_the_rounding_is_kept() -> None:
    moment = ResetMoment()
    moment.observe(0.0, 0.0, 10)
    assert moment.probes() == 5
    moment.observe(0.9, 0.9, 10)
    moment.not_over(10.1)
    moment.over(10.6)
    moment.begin()
    moment.observe(20.0, 20.0, 10)
    assert moment.probes() == 3, "only the interval is to be narrowed"
    assert moment.latest == pytest.approx(30.52)


def test_an_answer_of_another_window_is_recognized() -> None:
    moment = ResetMoment()
    moment.observe(0.0, 0.1, 10)
    assert moment.contradicts(0.0, 0.2, 3) == -1
    assert moment.contradicts(5.0, 5.1, 5) == 0
    assert moment.contradicts(12.0, 12.1, 60) == 1


def test_a_server_that_fits_no_rounding_is_learned_anew() -> None:
    moment = ResetMoment()
    moment.observe(0.0, 0.0, 10)
    moment.not_over(1000.0)
    assert moment.latest == pytest.approx(11.02)


def test_nothing_is_known_before_an_answer() -> None:
    assert ResetMoment().latest == math.inf
