"""The credit window: never more requests than the server has left, and none wasted by not knowing.

The properties run the window against a truthful server with a window of its own: requests leave,
are processed and answered in any interleaving, late, lost, or without headers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import Clock, rate

from focus_cte import Credits
from focus_cte.credits import CALIBRATION, CreditWindow, Reservation


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def window(clock: Clock) -> CreditWindow:
    return CreditWindow(clock)


def sent(window: CreditWindow, **terms: int) -> Reservation:
    reservation = window.reserve(**terms)
    assert reservation is not None
    return reservation


def know(window: CreditWindow, remaining: int, reset: int = 60, limit: int = 100) -> None:
    """Have one request answered with these numbers."""
    window.answered(sent(window), rate(remaining, reset, limit))


def spend_all(window: CreditWindow, **terms: int) -> int:
    """How many more may leave now."""
    return sum(1 for _ in iter(lambda: window.reserve(**terms), None))


def test_nothing_is_known_at_first(window: CreditWindow) -> None:
    assert window.credits == Credits(None, None, None)
    assert window.wait() == 0


def test_the_first_request_goes_alone_and_the_others_wait_for_its_answer(
    window: CreditWindow, clock: Clock
) -> None:
    first = sent(window)
    assert window.reserve() is None
    assert window.wait() == CALIBRATION
    clock.now += 0.5
    window.answered(first, rate(99))
    assert window.wait() == 0
    assert spend_all(window) == 99


def test_the_others_wait_for_the_first_answer_two_seconds_at_most(
    window: CreditWindow, clock: Clock
) -> None:
    sent(window)
    clock.now += CALIBRATION - 0.01
    assert window.reserve() is None
    clock.now += 0.01
    assert window.wait() == 0
    assert window.reserve() is not None


@pytest.mark.parametrize("end", ["lost", "give_back"])
def test_the_failure_of_the_first_lets_another_go_first(window: CreditWindow, end: str) -> None:
    getattr(window, end)(sent(window))
    sent(window)
    assert window.reserve() is None


def test_no_more_leave_than_what_the_server_has_left(window: CreditWindow) -> None:
    know(window, remaining=7)
    assert spend_all(window) == 7
    assert window.credits.remaining == 0


def test_the_rest_wait_until_the_window_has_surely_started_again(
    window: CreditWindow, clock: Clock
) -> None:
    know(window, remaining=0, reset=30)
    wait = window.wait()
    assert wait is not None
    assert 30 <= wait <= 31.5
    clock.now += wait - 0.01
    assert window.reserve() is None
    clock.now += 0.01
    assert window.reserve() is not None
    assert window.reserve() is None, "the new window is calibrated as the first was"


def test_what_is_known_is_shown(window: CreditWindow, clock: Clock) -> None:
    know(window, remaining=42, reset=30)
    credits = window.credits
    assert (credits.limit, credits.remaining) == (100, 42)
    assert credits.resets_in == pytest.approx(30, abs=2)
    clock.now += 10
    assert window.credits.resets_in == pytest.approx(20, abs=2)
    clock.now += 60
    assert window.credits == Credits(100, None, None)


def test_a_request_that_never_left_costs_nothing(window: CreditWindow) -> None:
    know(window, remaining=1)
    window.give_back(sent(window))
    assert spend_all(window) == 1


def test_a_request_without_an_answer_counts_as_spent(window: CreditWindow) -> None:
    know(window, remaining=2)
    window.lost(sent(window))
    assert spend_all(window) == 1


def test_a_credit_of_the_last_window_is_not_given_back_to_this_one(
    window: CreditWindow, clock: Clock
) -> None:
    know(window, remaining=5, reset=10)
    old = sent(window)
    clock.now += 20
    know(window, remaining=0, reset=60)
    window.give_back(old)
    assert spend_all(window) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Rate-Limit-Remaining": "99"},
        {"Rate-Limit-Reset": "60"},
        rate(99) | {"Rate-Limit-Remaining": "many"},
        rate(99) | {"Rate-Limit-Reset": "-1"},
        rate(99) | {"Rate-Limit-Reset": str(86_401)},
        rate(99) | {"Rate-Limit-Remaining": str(2**63)},
    ],
)
def test_an_answer_without_readable_headers_changes_nothing(
    window: CreditWindow, headers: Mapping[str, str]
) -> None:
    know(window, remaining=3)
    window.answered(sent(window), headers)
    assert window.credits.remaining == 2
    assert spend_all(window) == 2


def test_a_server_without_such_headers_is_not_throttled(window: CreditWindow) -> None:
    window.answered(sent(window), {})
    assert [window.reserve() is not None for _ in range(1000)] == [True] * 1000
    assert window.credits == Credits(None, None, None)


def test_headers_that_come_at_last_are_believed(window: CreditWindow) -> None:
    window.answered(sent(window), {})
    a, b, c = sent(window), sent(window), sent(window)
    window.answered(a, rate(4))
    assert spend_all(window) == 2, "b and c may not be counted yet"
    window.answered(b, rate(3))
    window.answered(c, rate(2))
    assert window.credits.remaining == 0


def test_answers_out_of_order_raise_nothing(window: CreditWindow) -> None:
    know(window, remaining=5)
    flying = [sent(window) for _ in range(5)]
    for reservation, remaining in zip(reversed(flying), range(5), strict=True):
        window.answered(reservation, rate(remaining))
        assert window.reserve() is None


def test_an_answer_of_the_last_window_that_comes_late_raises_nothing(
    window: CreditWindow, clock: Clock
) -> None:
    know(window, remaining=90, reset=10)
    late = sent(window)
    clock.now += 15
    know(window, remaining=1, reset=60)
    window.answered(late, rate(89, reset=9))
    assert spend_all(window) <= 1


def test_answers_out_of_order_raise_nothing_where_a_window_begins(
    window: CreditWindow, clock: Clock
) -> None:
    know(window, remaining=6, reset=10, limit=7)
    first, second = sent(window), sent(window)
    clock.now += 11  # the server's new window has begun: both are the first of it
    window.answered(second, rate(5, reset=10, limit=7))
    window.answered(first, rate(6, reset=10, limit=7))
    assert spend_all(window) <= 5


def test_answers_that_were_lost_are_not_taken_for_requests_of_others(
    window: CreditWindow,
) -> None:
    know(window, remaining=7, limit=8)
    a, b, c = (sent(window) for _ in range(3))
    window.answered(a, {})
    window.answered(b, rate(5, limit=8))
    window.answered(c, {})
    late, *lost = (sent(window) for _ in range(3))
    for reservation in (*lost, sent(window)):
        window.lost(reservation)
    window.answered(late, rate(3, limit=8))
    assert spend_all(window) == 0, "eight were sent"


def test_an_answer_of_the_last_window_that_comes_late_does_not_move_the_reset(
    window: CreditWindow, clock: Clock
) -> None:
    know(window, remaining=9, reset=5, limit=10)
    clock.now += 1
    slow, quick = sent(window), sent(window)
    clock.now += 4.1
    window.answered(quick, rate(9, reset=5, limit=10))  # a new window, since it has nine again
    before = window.credits.resets_in
    window.answered(slow, rate(8, reset=4, limit=10))
    assert window.credits.resets_in == before


def test_after_a_429_nothing_leaves_for_so_long(window: CreditWindow, clock: Clock) -> None:
    know(window, remaining=50)
    window.close_for(20)
    assert (window.reserve(), window.wait()) == (None, 20)
    clock.now += 5
    window.close_for(3)
    assert window.wait() == 15, "a shorter wait does not shorten a longer one"
    clock.now += 15
    assert window.reserve() is not None


def test_what_others_spend_shows_and_is_left_to_them(window: CreditWindow) -> None:
    know(window, remaining=90)
    window.answered(sent(window), rate(40))
    assert spend_all(window) <= 40


def test_a_reserve_is_left_to_who_may_use_it(window: CreditWindow) -> None:
    know(window, remaining=10)
    assert spend_all(window, leave=4) == 6
    assert spend_all(window) == 4


def test_a_reserve_as_large_as_the_window_does_not_close_it(window: CreditWindow) -> None:
    know(window, remaining=9, limit=10)
    assert window.reserve(leave=10) is None
    fresh = CreditWindow(Clock())
    know(fresh, remaining=10, limit=10)
    assert spend_all(fresh, leave=500) == 1


def test_a_forked_child_has_nothing_under_way(window: CreditWindow) -> None:
    sent(window)
    assert window.reserve() is None
    window.nothing_flying()
    assert window.reserve() is not None


STEP = 0.1271
"""Seconds, such that nothing happens at the very moment of a reset, where clocks have grains."""
ROUNDINGS = {"up": math.ceil, "down": math.floor, "nearest": lambda x: math.floor(x + 0.5)}


@attrs.define
class Server:
    """A truthful one: it counts the requests of each window, and says so."""

    limit: int
    seconds: int
    rounding: str
    grid: bool
    end: float = -math.inf
    count: int = 0

    def process(self, now: float) -> dict[str, str]:
        if now >= self.end:
            start = now // self.seconds * self.seconds if self.grid else now
            self.end = start + self.seconds
            self.count = 0
        self.count += 1
        reset = ROUNDINGS[self.rounding](self.end - now)
        return rate(max(self.limit - self.count, 0), reset, self.limit)


@attrs.define(eq=False)
class Flight:
    reservation: Reservation
    headers: dict[str, str] | None = None
    """What the server answered, once it has processed it."""


class World:
    """One client with its window, one server, and the wires between them."""

    def __init__(self, server: Server, slots: int) -> None:
        self.clock = Clock(1000.25)
        self.window = CreditWindow(self.clock)
        self.server = server
        self.slots = slots
        self.flights: list[Flight] = []
        self.log: list[str] = []

    def do(self, name: str, number: int) -> None:
        if name in ("process", "answer", "strip", "lose", "unsend"):
            if not self.flights:
                return
            flight = self.flights[number % len(self.flights)]
            getattr(self, name)(flight)
        else:
            getattr(self, name)(number)

    def go(self, number: int) -> None:
        self.clock.now += number * STEP
        self.log.append(f"{number * STEP:.4f} s later")

    def send(self, number: int) -> None:
        for _ in range(1 + number % 3):
            if len(self.flights) == self.slots:
                return
            may = self.window.wait(waiting=1 + number % 7) == 0
            reservation = self.window.reserve(waiting=1 + number % 7)
            assert (reservation is not None) is may
            if reservation is None:
                return
            self.flights.append(Flight(reservation))
            self.log.append(f"sent at {self.clock.now}")

    def process(self, flight: Flight) -> None:
        if flight.headers is not None:
            return
        flight.headers = self.server.process(self.clock.now)
        self.log.append(f"processed at {self.clock.now}: {flight.headers}")
        assert self.server.count <= self.server.limit, "a 429:\n" + "\n".join(self.log)

    def answer(self, flight: Flight) -> None:
        self.process(flight)
        assert flight.headers is not None
        self._end(flight, "answered", flight.headers)

    def strip(self, flight: Flight) -> None:
        """Answered without headers; by a proxy, as long as the client knows nothing."""
        if self._client_knows():
            self.process(flight)
        if self._client_knows() or flight.headers is None:
            self._end(flight, "answered", {})

    def lose(self, flight: Flight) -> None:
        """Not answered; nor processed, as long as the client knows nothing."""
        if self._client_knows():
            self.process(flight)
        if self._client_knows() or flight.headers is None:
            self._end(flight, "lost")

    def unsend(self, flight: Flight) -> None:
        if flight.headers is None:
            self._end(flight, "give_back")

    def _client_knows(self) -> bool:
        return self.window.credits.remaining is not None

    def _end(self, flight: Flight, how: str, *args: Any) -> None:
        self.flights.remove(flight)
        getattr(self.window, how)(flight.reservation, *args)
        self.log.append(f"{how} at {self.clock.now} {args or ''}")


servers = st.builds(
    Server,
    limit=st.integers(8, 14),
    seconds=st.sampled_from([5, 10, 60]),
    rounding=st.sampled_from(sorted(ROUNDINGS)),
    grid=st.booleans(),
)
calm = ["go", "send", "send", "send", "process", "answer", "answer"]
wild = [*calm, "strip", "lose", "unsend"]


def course(names: list[str], longest: int) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(names), st.integers(0, longest)), max_size=80)


@given(servers, st.integers(1, 4), course(calm, 24))
def test_one_client_meets_no_429_in_any_interleaving(
    server: Server, slots: int, events: list[tuple[str, int]]
) -> None:
    world = World(server, slots)
    for name, number in events:
        world.do(name, number)


@given(servers, st.integers(1, 4), course(wild, 120))
def test_nor_when_answers_are_lost_late_or_without_headers(
    server: Server, slots: int, events: list[tuple[str, int]]
) -> None:
    world = World(server, slots)
    for name, number in events:
        world.do(name, number)


@given(servers, st.integers(1, 4), course(wild, 120))
def test_a_window_never_closes_for_good(
    server: Server, slots: int, events: list[tuple[str, int]]
) -> None:
    world = World(server, slots)
    for name, number in events:
        world.do(name, number)
    for flight in world.flights:
        world.window.lost(flight.reservation)
    for _ in range(200):
        if world.window.reserve(waiting=50) is not None:
            return
        wait = world.window.wait(waiting=50)
        assert wait is not None, "only an answer could help, and none is under way"
        assert wait > 0
        world.clock.now += wait
    raise AssertionError("no credit, however long it waits")


@given(
    st.integers(0, 200),
    st.integers(0, 200),
    st.integers(0, 300),
    st.integers(0, 20),
    st.integers(1, 50),
)
def test_no_more_are_reserved_than_are_left(
    limit: int, remaining: int, reset: int, leave: int, waiting: int
) -> None:
    window = CreditWindow(Clock())
    know(window, remaining, reset, limit)
    spent = spend_all(window, leave=leave, waiting=waiting)
    assert spent <= max(remaining - min(leave, max(limit - 1, 0)), 0)
    assert spent + spend_all(window) == remaining


def test_a_small_share_still_spends_one_at_a_time_while_there_is_enough(
    window: CreditWindow,
) -> None:
    know(window, remaining=100)
    window.answered(sent(window), rate(20))  # somebody else spent 79 meanwhile
    assert window.reserve() is not None
    assert window.reserve() is None


def test_the_last_credits_are_left_to_those_with_the_larger_share(window: CreditWindow) -> None:
    know(window, remaining=100)
    window.answered(sent(window), rate(8))
    assert window.reserve() is None
