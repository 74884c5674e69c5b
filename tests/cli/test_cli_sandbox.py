"""focus-cte sandbox: an API to try it all with, until Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess

from program import command, environment, on_a_terminal
from scenes import Scene

LONGEST = 30.0


def test_it_says_where_it_is_and_answers_until_it_is_told_to_end(stored: Scene) -> None:
    with subprocess.Popen(
        command("sandbox", "--ctes", "3"),
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            shown = [process.stdout.readline() for _line in range(5)]
            env = dict(re.findall(r"(FOCUS_NFE_\w+)=(\S+)", shown[-1]))
            cnpj = shown[3].split()[1]
            done = stored.invoke("doctor", "--cnpj", cnpj, "--from", "new", **env)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=LONGEST)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")
    assert shown[0] == "Focus NFe sandbox; Ctrl-C ends it\n"
    assert env.keys() == {"FOCUS_NFE_TOKEN", "FOCUS_NFE_BASE_URL"}
    assert done.code == 0
    assert "3 documents" in done.out


async def test_on_a_terminal_ctrl_c_ends_it_well() -> None:
    done = await on_a_terminal(
        *("sandbox", "--ctes", "3"), env={}, columns=200, interrupted_at="export FOCUS_NFE_TOKEN="
    )
    assert done.code == 0
    assert done.lines[0] == "Focus NFe sandbox; Ctrl-C ends it"
    assert len(done.lines) == 5


def test_a_folder_that_is_not_there_is_said(stored: Scene) -> None:
    done = stored.invoke("sandbox", "--acervo", "none")
    assert (done.code, done.out) == (1, "")
    assert "none" in done.err
