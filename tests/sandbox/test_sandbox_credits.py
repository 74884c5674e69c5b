"""Credits, tokens and the address that insists."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_http import Plain, basic

from focus_cte.sandbox import Sandbox
from focus_cte.sandbox.limits import RateWindow, Rounding, TokenGuard

RATE = ("Rate-Limit-Limit", "Rate-Limit-Remaining", "Rate-Limit-Reset")


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def test_a_window_starts_with_the_first_request_after_the_last_one_ended() -> None:
    clock = Clock(1000.0)
    window = RateWindow(2, 60, clock=clock)
    assert window.spend()
    assert window.headers() == dict(zip(RATE, ("2", "1", "60"), strict=True))
    clock.now += 59
    assert window.spend()
    assert window.headers() == dict(zip(RATE, ("2", "0", "1"), strict=True))
    assert not window.spend()
    clock.now += 500
    assert window.spend()
    assert window.headers() == dict(zip(RATE, ("2", "1", "60"), strict=True))


def test_a_window_on_a_grid() -> None:
    clock = Clock(1000.0)
    window = RateWindow(1, 60, grid=True, clock=clock)
    assert window.spend()
    assert window.headers()["Rate-Limit-Reset"] == "20"
    clock.now = 1019.5
    assert not window.spend()
    clock.now = 1020.0
    assert window.spend()
    assert window.headers()["Rate-Limit-Reset"] == "60"


@pytest.mark.parametrize(("rounding", "expected"), [("up", "10"), ("down", "9"), ("nearest", "9")])
@pytest.mark.parametrize("grid", [False, True])
def test_rounding(rounding: Rounding, expected: str, grid: bool) -> None:
    clock = Clock(600.0)
    window = RateWindow(9, 60, rounding=rounding, grid=grid, clock=clock)
    window.spend()
    clock.now += 50.75
    assert window.headers()["Rate-Limit-Reset"] == expected


def test_nearest_rounds_a_half_up() -> None:
    clock = Clock(0.0)
    window = RateWindow(9, 60, rounding="nearest", clock=clock)
    window.spend()
    clock.now = 49.5
    assert window.headers()["Rate-Limit-Reset"] == "11"


@given(st.lists(st.floats(0, 90), max_size=60), st.integers(1, 5), st.booleans(), st.floats(0, 1e6))
def test_no_window_grants_more_than_its_limit(
    waits: list[float], limit: int, grid: bool, start: float
) -> None:
    clock = Clock(start)
    window = RateWindow(limit, 60, grid=grid, clock=clock)
    granted = []
    for wait in waits:
        clock.now += wait
        if window.spend():
            granted.append(clock.now)
        left = int(window.headers()["Rate-Limit-Remaining"])
        assert 0 <= left < limit
        assert 0 <= int(window.headers()["Rate-Limit-Reset"]) <= 60
    if grid:
        for number in {math.floor(at / 60) for at in granted}:
            assert sum(math.floor(at / 60) == number for at in granted) <= limit
    else:
        # Two windows meet within any stretch as long as one.
        assert all(sum(0 <= at - first < 60 for at in granted) <= 2 * limit for first in granted)


def test_unlimited_has_no_headers() -> None:
    window = RateWindow(None, 60)
    assert all(window.spend() for _ in range(1000))
    assert window.headers() == {}


@pytest.mark.parametrize(
    "wrong",
    [{"credits": 0}, {"credits": -1}, {"window": 0}, {"window": math.inf}, {"window": math.nan}],
)
def test_wrong_limits(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Sandbox(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [{"rounding": "even"}, {"total": "none"}, {"page": 0}, {"ctes": -1}, {"latency": -1}],
)
def test_wrong_options(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        Sandbox(**wrong)  # type: ignore[arg-type]


async def test_every_answer_costs_one_and_says_so(plain: Plain) -> None:
    async with Sandbox(ctes=2, credits=6) as sandbox:
        chave = sandbox.chaves[0]
        paths = [f"/{chave}", f"/{chave}.xml", f"/{chave}.pdf", "/nada", f"/{chave}/desacordo"]
        for left, path in enumerate(paths):
            reply = await plain.send(sandbox, path)
            assert reply.headers["Rate-Limit-Limit"] == "6"
            assert reply.headers["Rate-Limit-Remaining"] == str(5 - left)
            assert 0 < int(reply.headers["Rate-Limit-Reset"]) <= 60
        await plain.listing(sandbox)
        over = await plain.listing(sandbox)
        assert over.status == 429
        assert over.json()["codigo"] == "limite_excedido"
        assert over.json()["mensagem"]
        assert over.headers["Rate-Limit-Remaining"] == "0"
        assert "Retry-After" not in over.headers
        assert [seen.status for seen in sandbox.requests] == [200, 200, 302, 404, 404, 200, 429]


async def test_a_refused_request_does_nothing(plain: Plain) -> None:
    async with Sandbox(ctes=1, credits=1) as sandbox:
        await plain.listing(sandbox)
        path = f"/{sandbox.chaves[0]}/desacordo"
        text = {"observacoes": "Frete cobrado em duplicidade"}
        reply = await plain.send(sandbox, path, method="POST", json=text)
        assert reply.status == 429
        assert not sandbox.desacordos


async def test_the_storage_costs_nothing(plain: Plain) -> None:
    async with Sandbox(ctes=1, credits=2) as sandbox:
        location = (await plain.send(sandbox, f"/{sandbox.chaves[0]}.pdf")).headers["Location"]
        for _ in range(5):
            assert (await plain.fetch(location)).status == 200
        assert (await plain.listing(sandbox)).status == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer x", "Basic !!!", basic("outro")])
async def test_a_wrong_token(plain: Plain, authorization: str | None) -> None:
    async with Sandbox(ctes=1, credits=1) as sandbox:
        headers = {} if authorization is None else {"Authorization": authorization}
        url = sandbox.url + "/v2/ctes_recebidas"
        for _ in range(3):
            reply = await plain.fetch(url, headers=headers)
            assert reply.status == 401
            assert reply.headers["Content-Type"].startswith("text/html")
            assert "HTTP Basic: Access denied" in reply.text
            assert not set(RATE) & set(reply.headers)
        assert (await plain.listing(sandbox)).status == 200  # its one credit was still there


async def test_a_password_is_not_part_of_a_token(plain: Plain, sandbox: Sandbox) -> None:
    headers = {"Authorization": basic(sandbox.token, "senha")}
    assert (await plain.fetch(sandbox.url + "/v2/x", headers=headers)).status == 401


async def test_whoever_insists_on_a_wrong_token_is_blocked(plain: Plain) -> None:
    async with Sandbox(ctes=1) as sandbox:
        statuses = [(await plain.listing(sandbox, token="outro")).status for _ in range(23)]
        assert statuses == [401] * 21 + [429] * 2
        blocked = await plain.listing(sandbox)  # the right token, from the same address
        assert (blocked.status, blocked.json()["codigo"]) == (429, "limite_excedido")
        assert not set(RATE) & set(blocked.headers)


def test_a_block_ends() -> None:
    clock = Clock()
    guard = TokenGuard(60, clock=clock)
    for _ in range(21):
        assert not guard.blocked("::1")
        guard.wrong("::1")
    assert guard.blocked("::1")
    assert not guard.blocked("::2")
    clock.now = 60
    assert not guard.blocked("::1")
    guard.wrong("::1")
    assert not guard.blocked("::1")
