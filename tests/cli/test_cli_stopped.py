"""A sync that is stopped anywhere: nothing is lost, and the same command goes on from there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import time
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path

import pytest
from program import command, environment, run
from scenes import Scene, assert_whole

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are of POSIX")

_TIMES = max(3, int(os.environ.get("FOCUS_CTE_KILLS", "50")) // 20)
"""Of each signal; `make soak-mirror` has it 25 times."""
_LONGEST = 60.0


async def start(scene: Scene, *arguments: str) -> Process:
    words = command("sync", "--cnpj", scene.sandbox.cnpj, *arguments)
    return await asyncio.create_subprocess_exec(
        *words,
        env=environment(scene.env),
        cwd=scene.folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )


async def after_requests(scene: Scene, process: Process, count: int) -> None:
    """When the API was asked so often, or the process has ended."""
    seen = len(scene.sandbox.requests)
    async with asyncio.timeout(_LONGEST):
        while len(scene.sandbox.requests) < seen + count:
            await asyncio.sleep(0.0005)
            if process.returncode is not None:
                return


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
async def test_whatever_stops_it_and_wherever_the_next_ones_have_everything_in_the_end(
    scene: Scene, number: signal.Signals
) -> None:
    draw, hit = random.Random(int(number)), 0
    for _ in range(_TIMES):
        process = await start(scene)
        await after_requests(scene, process, draw.randint(1, 12))
        await asyncio.sleep(draw.random() * 0.02)
        if process.returncode is None:
            process.send_signal(number)
        out, err = map(bytes.decode, await process.communicate())
        if process.returncode == 0:
            assert "waiting" in out
        else:
            hit += 1
            stopped = -9 if number is signal.SIGKILL else 128 + number
            assert (process.returncode, out) == (stopped, ""), err
            assert ("the same command goes on from here" in err) == (stopped != -9)
        assert "Traceback" not in err
        (new,) = scene.sandbox.receive()
        with suppress(ValueError):  # it may have come cancelled
            scene.sandbox.correct(new)
    assert hit > 0, "it was to be stopped in the middle"

    done = await run("sync", env=scene.env, cwd=scene.folder)
    assert done.code == 0, done.err
    await assert_whole(scene)


async def test_what_goes_on_for_ever_ends_at_once_between_two_passes(scene: Scene) -> None:
    process = await start(scene, "--every", "2h")
    assert process.stderr is not None
    err = b""
    async with asyncio.timeout(_LONGEST):
        while b"next pass in" not in err:
            err += await process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        out, rest = await process.communicate()
    assert process.returncode == 143
    assert b"30 new" in out
    assert b"Traceback" not in rest


async def test_it_goes_on_after_the_pause(scene: Scene) -> None:
    """And asks for the token again: it may be another one by then."""
    token, companies = scene.folder / "token", scene.folder / "companies.toml"
    token.write_text(scene.sandbox.token)
    companies.write_text(
        f'base_url = "{scene.sandbox.url}"\n[[companies]]\ncnpj = "{scene.sandbox.cnpj}"\n'
        'token_command = ["cat", "token"]\n'
    )
    process = await start(scene, "--every", "1s", "--config", str(companies))
    assert process.stdout is not None
    async with asyncio.timeout(_LONGEST):
        assert b"30 new" in await process.stdout.readline()
        token.write_text("0" * 32)
        while scene.sandbox.requests[-1].status != 401:  # noqa: ASYNC110 - until it was sent
            await asyncio.sleep(0.01)
        token.write_text(scene.sandbox.token)
        scene.sandbox.receive(2)
        while b" 2 new" not in await process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 130


async def test_it_does_not_go_on_in_a_folder_that_is_gone(scene: Scene) -> None:
    process = await start(scene, "--every", "1s")
    assert process.stdout is not None
    async with asyncio.timeout(_LONGEST):
        await process.stdout.readline()
        scene.acervo.rename(scene.folder / "elsewhere")
        _out, err = await process.communicate()
    assert process.returncode == 2
    assert b"there is no archive" in err


def ended(scene: Scene, *words: str, when: Path, stdout: int = subprocess.DEVNULL) -> int:
    """The exit code after a SIGTERM, sent when a file is there; within some seconds."""
    with subprocess.Popen(
        command(*words),
        env=environment(scene.env),
        cwd=scene.folder,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            until = time.monotonic() + _LONGEST
            while not when.exists():
                assert time.monotonic() < until
                time.sleep(0.01)
            time.sleep(0.3)  # until it hangs
            process.terminate()
            return process.wait(3)
        finally:
            process.kill()


def test_a_token_command_that_does_not_answer_keeps_nothing_from_its_end(stored: Scene) -> None:
    config = stored.folder / "companies.toml"
    config.write_text(
        f"""
        base_url = "{stored.sandbox.url}"
        [[companies]]
        cnpj = "{stored.sandbox.cnpj}"
        token_command = "sh -c 'touch asked; exec sleep 10'"
        """
    )
    words = ["desacordo", "status", stored.sandbox.chaves[0], "--config", str(config)]
    assert ended(stored, *words, when=stored.folder / "asked") == 143


def test_neither_does_a_pipe_that_nobody_empties(stored: Scene) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    os.set_blocking(writing, True)
    try:
        # While it is open, SQLite has this file beside it.
        opened = stored.acervo / "acervo.db-shm"
        assert ended(stored, "changes", "--jsonl", when=opened, stdout=writing) == 143
    finally:
        os.close(reading)
        os.close(writing)
