"""What the process knows of a token: shared by all its clients, outliving them, and fork-safe."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref

import pytest
from samples import API, Clock, rate

from focus_cte import AuthenticationError, Credits, _accounts
from focus_cte._accounts import REFUSED_FOR, Account, account
from focus_cte.credits import Reservation

DENIED = AuthenticationError(
    "GET /v2/ctes_recebidas: 401: HTTP Basic: Access denied",
    status=401,
    mensagem="HTTP Basic: Access denied",
)


def taken(account: Account) -> Reservation | None:
    return account.reserve(leave=0, waiting=1)


def granted(account: Account) -> Reservation:
    reservation = taken(account)
    assert reservation is not None
    return reservation


def test_an_account_is_of_a_token_at_an_origin() -> None:
    assert account(API, "a") is account(API, "a")
    assert account(API, "a") is not account(API, "b")
    assert account(API, "a") is not account("https://homologacao.focusnfe.com.br", "a")


def test_the_token_is_not_kept() -> None:
    one = account(API, "very-secret-token")
    assert "very-secret-token" not in f"{_accounts._accounts} {vars(one)}"


def test_what_is_known_outlives_who_learned_it() -> None:
    account(API, "a").answered(granted(account(API, "a")), rate(41))
    gc.collect()
    assert account(API, "a").credits.remaining == 41


def test_a_refused_token_rests_five_minutes() -> None:
    clock = Clock()
    one = Account(clock)
    one.lost(granted(one))
    one.refused(DENIED)
    assert REFUSED_FOR == 300
    for passed, rest in [(0.0, 300.0), (299.0, 1.0)]:
        clock.now = 1000 + passed
        assert taken(one) is None
        error = one.refusal("GET x")
        assert isinstance(error, AuthenticationError)
        assert (error.status, error.retry_after) == (401, rest)
        assert error.mensagem == "HTTP Basic: Access denied"
        assert "GET x" in str(error)
        assert "HTTP Basic: Access denied" in str(error)


def test_after_the_rest_one_request_may_try_and_no_other_until_it_is_answered() -> None:
    clock = Clock()
    one = Account(clock)
    one.refused(DENIED)
    clock.now += 300
    assert one.refusal("GET x") is None
    trial = granted(one)
    assert taken(one) is None
    assert one.refusal("GET x") is not None
    one.answered(trial, rate(99))
    one.accepted()
    assert one.refusal("GET x") is None
    assert taken(one) is not None


def test_a_trial_that_is_refused_begins_another_rest() -> None:
    clock = Clock()
    one = Account(clock)
    one.refused(DENIED)
    clock.now += 300
    one.lost(granted(one))
    one.refused(DENIED)
    clock.now += 299
    assert taken(one) is None
    clock.now += 1
    assert taken(one) is not None


def test_a_token_that_is_accepted_again_need_not_rest() -> None:
    one = Account(Clock())
    one.refused(DENIED)
    one.accepted()
    assert one.refusal("GET x") is None
    assert taken(one) is not None


def test_the_error_is_a_new_one_each_time() -> None:
    one = Account(Clock())
    one.refused(DENIED)
    assert one.refusal("GET x") is not one.refusal("GET x")
    assert one.refusal("GET x") is not DENIED


def test_a_429_closes_it_for_all_clients() -> None:
    clock = Clock()
    one = Account(clock)
    one.throttled(30)
    assert (taken(one), one.wait(leave=0, waiting=1)) == (None, 30)
    clock.now += 30
    assert taken(one) is not None


class Watcher:
    def __init__(self) -> None:
        self.told = 0

    def changed(self) -> None:
        self.told += 1


def test_every_watcher_is_told_how_a_request_ended() -> None:
    one = Account(Clock())
    watchers = [Watcher(), Watcher()]
    for watcher in watchers:
        one.watch(watcher)
    one.give_back(granted(one))
    one.lost(granted(one))
    one.answered(granted(one), rate(50))
    assert [watcher.told for watcher in watchers] == [3, 3]


def test_a_watcher_is_not_kept_alive() -> None:
    one = Account(Clock())
    watcher = Watcher()
    gone = weakref.ref(watcher)
    one.watch(watcher)
    del watcher
    gc.collect()
    assert gone() is None
    one.lost(granted(one))


def test_a_watcher_may_ask_the_account_that_tells_it() -> None:
    one = Account(Clock())

    class Asking(Watcher):
        def changed(self) -> None:
            assert one.credits == Credits(100, 7, pytest.approx(60, abs=2))
            self.told += 1

    asking = Asking()
    one.watch(asking)
    one.answered(granted(one), rate(7))
    assert asking.told == 1


def test_threads_share_the_credits_without_spending_one_twice() -> None:
    one = account(API, "a")
    one.answered(granted(one), rate(500, limit=1000))
    got: list[Reservation] = []
    start = threading.Barrier(8)

    def spend() -> None:
        assert account(API, "a") is one
        start.wait()
        while (reservation := taken(one)) is not None:
            got.append(reservation)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == len(set(map(id, got))) == 500


FORKING = """
import os
from focus_cte._accounts import _accounts, account

one = account("https://api.focusnfe.com.br", "a")
told = []

class Watcher:
    def changed(self):
        told.append(os.getpid())

watcher = Watcher()
one.watch(watcher)
first = one.reserve(leave=0, waiting=1)
assert first and one.reserve(leave=0, waiting=1) is None
one._lock.acquire()  # as by another thread, at the moment of the fork
child = os.fork()
if child == 0:
    assert account("https://api.focusnfe.com.br", "a") is one
    mine = one.reserve(leave=0, waiting=1)
    assert mine is not None, "the parent's request is not the child's"
    one.lost(mine)
    assert told == [], "the parent's event loops are not the child's"
    os._exit(0)
one._lock.release()
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert one.reserve(leave=0, waiting=1) is None, "the parent goes on as before"
"""


def test_a_forked_child_starts_with_nothing_in_flight() -> None:
    program = [sys.executable, "-W", "error", "-c", FORKING]
    done = subprocess.run(program, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
