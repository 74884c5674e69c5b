"""When a call is tried again: tables over errors, and a budget over a clock."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import Clock

from focus_cte import (
    ApiError,
    AuthenticationError,
    BadRequest,
    ClientClosed,
    CursorStalled,
    DesacordoJaRegistrado,
    DesacordoRejeitado,
    FocusError,
    InvalidArgument,
    InvalidDocument,
    InvalidResponse,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    Retry,
    ServerError,
    TransportError,
    UsageError,
)
from focus_cte._retry import Budget, may_pass

BROKEN = TransportError("reset")


@pytest.mark.parametrize(
    ("error", "may"),
    [
        (TransportError(), True),
        (TransportError(reached=False), True),
        (RequestTimeout(), True),
        (InvalidResponse(), True),
        (InvalidResponse(passing=False), False),
        (RateLimited(status=429), True),
        *((ServerError(status=status), True) for status in (500, 502, 503, 504)),
        *((ServerError(status=status), False) for status in (501, 505, 507, 511, 599)),
        (InvalidDocument(), False),
        (BadRequest(status=400), False),
        (DesacordoJaRegistrado(status=400), False),
        (AuthenticationError(status=401), False),
        (PermissionDenied(status=403), False),
        (NotFound(status=404), False),
        (ApiError(status=410), False),
        (CursorStalled(), False),
        (ClientClosed(), False),
        (InvalidArgument(), False),
        (UsageError(), False),
        (OutcomeUnknown(), False),
        (DesacordoRejeitado(), False),
        (FocusError(), False),
    ],
    ids=repr,
)
def test_which_errors_may_pass(error: FocusError, may: bool) -> None:
    assert may_pass(error) is may
    assert (Budget(Retry(), Clock()).again(error) is not None) is may


def test_there_are_as_many_tries_as_attempts() -> None:
    budget = Budget(Retry(attempts=4), Clock())
    assert [budget.again(BROKEN) is not None for _ in range(4)] == [True, True, True, False]


def test_one_attempt_is_no_retry() -> None:
    assert Budget(Retry(attempts=1), Clock()).again(BROKEN) is None


def test_the_waits_double_up_to_the_maximum_and_are_drawn_from_the_upper_half() -> None:
    budget = Budget(Retry(initial=0.5, maximum=15.0), Clock())
    for n, most in enumerate([0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0], start=1):
        drawn = [budget.pause(n) for _ in range(100)]
        assert most / 2 <= min(drawn) < max(drawn) <= most


@given(
    st.integers(1, 10**6),
    st.floats(0, 1e300, allow_nan=False),
    st.floats(0, 1e300, allow_nan=False),
)
def test_no_number_of_tries_makes_an_endless_wait(n: int, initial: float, maximum: float) -> None:
    pause = Budget(Retry(initial=initial, maximum=maximum), Clock()).pause(n)
    assert 0 <= pause <= maximum


def test_the_total_ends_the_tries_before_the_attempts_do() -> None:
    clock = Clock()
    budget = Budget(Retry(attempts=100, total=10.0, initial=0.0), clock)
    clock.now += 9.9
    assert budget.again(BROKEN) is not None
    assert budget.left == pytest.approx(0.1)
    clock.now += 0.2
    assert budget.left == 0
    assert Budget(Retry(total=0.0), clock).again(BROKEN) is None


@pytest.mark.parametrize("error", [BROKEN, RateLimited(status=429)], ids=repr)
def test_the_total_ends_the_tries_also_where_no_wait_is_wanted(error: FocusError) -> None:
    clock = Clock()
    budget = Budget(Retry(attempts=1000, total=10.0, initial=0.0), clock)
    clock.now += 3600
    assert budget.again(error) is None


def test_a_wait_that_does_not_fit_is_not_shortened() -> None:
    clock = Clock()
    budget = Budget(Retry(total=10.0, initial=4.0, maximum=4.0), clock)
    clock.now += 9.0
    assert budget.again(BROKEN) is None


def test_time_in_the_queue_does_not_count() -> None:
    clock = Clock()
    budget = Budget(Retry(total=10.0, initial=0.1), clock)
    clock.now += 3600
    budget.queued += 3595
    assert budget.left == pytest.approx(5)
    assert budget.again(BROKEN) is not None


def test_a_429_is_no_failed_attempt() -> None:
    budget = Budget(Retry(attempts=2, total=100.0), Clock())
    limited = RateLimited(retry_after=1.0)
    assert [budget.again(limited) for _ in range(20)] == [1.0] * 20
    assert budget.again(BROKEN) is not None
    assert budget.again(BROKEN) is None


def test_the_wait_of_a_429_counts_towards_the_total() -> None:
    clock = Clock()
    budget = Budget(Retry(total=120.0), clock)
    limited = RateLimited(retry_after=50.0)
    assert (budget.again(limited), budget.left) == (50.0, 70.0)
    # It is waited out in the queue, and so is not counted once more.
    clock.now += 50.0
    budget.queued += 50.0
    assert (budget.again(limited), budget.left) == (50.0, 20.0)
    assert (budget.again(limited), budget.left) == (None, 20.0)


@pytest.mark.parametrize(("asked", "wait"), [(119.0, 119.0), (120.0, 120.0), (120.1, None)])
def test_a_wait_asked_for_is_honoured_in_full_or_refused(asked: float, wait: float | None) -> None:
    assert Budget(Retry(total=120.0), Clock()).again(RateLimited(retry_after=asked)) == wait


def test_a_server_that_is_down_is_given_the_time_it_asks_for() -> None:
    down = ServerError(status=503, retry_after=40.0)
    assert Budget(Retry(total=120.0), Clock()).again(down) == 40.0
    assert Budget(Retry(total=39.0), Clock()).again(down) is None


def test_the_backoff_is_not_shortened_by_what_is_asked_for() -> None:
    down = ServerError(status=503, retry_after=0.001)
    wait = Budget(Retry(initial=4.0), Clock()).again(down)
    assert wait is not None
    assert wait >= 2.0


def test_a_429_that_asks_for_no_wait_backs_off_with_a_growing_floor() -> None:
    budget = Budget(Retry(total=1e9, initial=0.5, maximum=8.0), Clock())
    waits = [budget.again(RateLimited(retry_after=0.0)) for _ in range(8)]
    for wait, floor in zip(waits, [0.5, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0], strict=True):
        assert wait is not None
        assert wait >= floor


def test_a_429_that_says_nothing_of_a_wait_may_be_a_blocked_address_and_backs_off_long() -> None:
    budget = Budget(Retry(total=1e9, initial=0.5, maximum=15.0), Clock())
    waits = [budget.again(RateLimited(retry_after=None)) for _ in range(4)]
    assert waits == sorted(waits)
    assert waits[0] is not None
    assert waits[0] >= 15.0
    assert waits[3] is not None
    assert waits[3] > waits[0]


@given(
    st.builds(
        Retry,
        attempts=st.integers(1, 6),
        total=st.floats(0, 200),
        initial=st.floats(0, 10),
        maximum=st.floats(0, 60),
    ),
    st.lists(
        st.tuples(
            st.sampled_from([BROKEN, ServerError(status=503)])
            | st.builds(RateLimited, retry_after=st.none() | st.integers(0, 300)),
            st.floats(0, 50),
            st.floats(0, 50),
        ),
        max_size=30,
    ),
)
def test_no_call_waits_past_its_total_or_fails_more_than_its_attempts(
    retry: Retry, course: list[tuple[FocusError, float, float]]
) -> None:
    clock = Clock()
    budget = Budget(retry, clock)
    at_work = failed = 0.0
    for error, working, queueing in course:
        clock.now += working + queueing
        budget.queued += queueing
        at_work += working
        wait = budget.again(copy.copy(error))
        failed += not isinstance(error, RateLimited)
        if wait is None:
            break
        assert failed < retry.attempts
        assert at_work + wait <= retry.total + 1e-6
        clock.now += wait
        if isinstance(error, RateLimited):
            budget.queued += wait
        at_work += wait


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attempts", 0),
        ("attempts", -1),
        ("attempts", 2.0),
        ("attempts", True),
        ("attempts", "4"),
        ("attempts", None),
        ("total", -1),
        ("total", float("nan")),
        ("total", float("inf")),
        ("total", "120"),
        ("total", True),
        ("initial", -0.1),
        ("initial", None),
        ("maximum", float("inf")),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=rf"Retry\.{name} .*{value!r}"):
        Retry(**{name: value})
