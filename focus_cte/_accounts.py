"""What this process knows of each token at each origin: its credits, and whether it was refused.

Shared by every client of the token, in every thread, and outliving them. Waiters are not here:
they belong to their event loop (`gate`).
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from focus_cte.credits import CreditWindow, Reservation
from focus_cte.errors import AuthenticationError
from focus_cte.models import Credits

REFUSED_FOR: Final = 300.0
"""Seconds a refused token rests: the vendor blocks addresses that insist."""


class Watcher(Protocol):
    """Who waits for a change of an account."""

    def changed(self) -> None:
        """Called after each change, from any thread."""


class Account:
    """One token at one origin. Every method may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._window = CreditWindow(clock)
        self._refusal: AuthenticationError | None = None
        self._refused_until = 0.0
        self._lock = threading.Lock()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` of each change from now on; held weakly."""
        with self._lock:
            self._watchers.add(watcher)

    def reserve(self, *, leave: int, waiting: int) -> Reservation | None:
        """A credit, if one may be spent now; see `CreditWindow.reserve`."""
        with self._lock:
            if self._rest() > 0:
                return None
            reservation = self._window.reserve(leave=leave, waiting=waiting)
            if reservation is not None and self._refusal is not None:
                # Rested long enough: this one may try, and no other until it is answered.
                self._refused_until = self.clock() + REFUSED_FOR
            return reservation

    def refusal(self, what: str) -> AuthenticationError | None:
        """The error for a request that is not sent because the token rests after a 401."""
        with self._lock:
            seen, rest = self._refusal, self._rest()
        if seen is None or rest <= 0:
            return None
        return AuthenticationError(
            f"{what}: not sent, since this token was refused; it may be tried again in"
            f" {rest:.0f} s. The refusal was: {seen}",
            status=seen.status,
            codigo=seen.codigo,
            mensagem=seen.mensagem,
            retry_after=rest,
        )

    def wait(self, *, leave: int, waiting: int) -> float | None:
        """Seconds until `reserve` may do better by itself; None: only an answer can help."""
        with self._lock:
            return self._window.wait(leave=leave, waiting=waiting)

    def answered(self, reservation: Reservation, headers: Mapping[str, str]) -> None:
        """An answer of the API came, of any status."""
        with self._lock:
            self._window.answered(reservation, headers)
        self._changed()

    def lost(self, reservation: Reservation) -> None:
        """No answer came."""
        with self._lock:
            self._window.lost(reservation)
        self._changed()

    def give_back(self, reservation: Reservation) -> None:
        """The request provably never left."""
        with self._lock:
            self._window.give_back(reservation)
        self._changed()

    def throttled(self, seconds: float) -> None:
        """A 429 came: no request of this token leaves for so long."""
        with self._lock:
            self._window.close_for(seconds)

    def accepted(self) -> None:
        """The API knows the token."""
        with self._lock:
            self._refusal = None

    def refused(self, error: AuthenticationError) -> None:
        """The API answered 401: the token rests. The waiters see it when the grant is settled."""
        with self._lock:
            self._refusal = error
            self._refused_until = self.clock() + REFUSED_FOR

    @property
    def credits(self) -> Credits:
        with self._lock:
            return self._window.credits

    def forked(self) -> None:
        """Start anew in a forked child, where no request is under way and no lock is held."""
        self._lock = threading.Lock()
        self._watchers = weakref.WeakSet()
        self._window.nothing_flying()

    def _rest(self) -> float:
        return 0.0 if self._refusal is None else self._refused_until - self.clock()

    def _changed(self) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            watcher.changed()


_accounts: dict[tuple[str, bytes], Account] = {}
_accounts_lock = threading.Lock()


def account(origin: str, token: str) -> Account:
    """The account of a token at an origin; kept by the token's digest, not by its value."""
    key = origin, hashlib.sha256(token.encode()).digest()
    with _accounts_lock:
        return _accounts.setdefault(key, Account())


def _forked() -> None:
    global _accounts_lock
    _accounts_lock = threading.Lock()
    for one in _accounts.values():
        one.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
