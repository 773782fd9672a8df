"""`hushd unload -- PROGRAM` becomes the program, and workers keep away until that has ended, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.peer import CONFIG, Peer, Start, wait_until

HUSHD = [sys.executable, "-P", "-m", "hushd", "unload"]
ALL = ["--all"]  # no worker may start


def started(*words: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen([*HUSHD, *words], text=True, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload, no-any-return]


@contextmanager
def held() -> Iterator[Callable[[], None]]:
    """A program that has begun, and ends once the function yielded is called."""
    with started(*ALL, "--", "sh", "-c", "echo begun; read end", stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "begun\n"
        yield process.stdin.close
        process.stdin.close()


@pytest.fixture
def peer(start_supervisor: Start) -> Iterator[Peer]:
    with start_supervisor(CONFIG).connect() as peer:
        yield peer


def refused(peer: Peer) -> bool:
    """Returns whether a request that needs a start is refused for the memory that is kept; a worker that starts is
    ended again."""
    try:
        peer.ask("echo")
    except AssertionError:
        return True
    peer.control("unload")
    return False


@pytest.mark.parametrize("status", [0, 7, 255])
def test_the_exit_status_is_the_programs(peer: Peer, status: int) -> None:
    """The program has its input, its output and its number."""
    with started(*ALL, "--", "sh", "-c", f"cat; echo $$; exit {status}", stdin=subprocess.PIPE) as process:
        output, _ = process.communicate("in\n")
    assert (process.returncode, output) == (status, f"in\n{process.pid}\n")


def test_workers_keep_away_until_it_has_ended(peer: Peer) -> None:
    """A worker that ran has left when it begins, none starts meanwhile, and afterwards one may."""
    peer.ask("echo")
    with held():
        assert peer.status()["pid"] is None
        assert peer.fail("echo").code == "server_busy"
    wait_until(lambda: not refused(peer), "the end of the claim")


def test_the_claim_outlives_the_supervisor(start_supervisor: Start) -> None:
    """The next one has workers keep away, too, and no longer than the program lives."""
    first = start_supervisor(CONFIG)
    with held() as end:
        first.process.kill()
        first.process.wait()
        with start_supervisor(CONFIG).connect() as peer:
            wait_until(lambda: refused(peer), "the claim at the next supervisor")
            end()
            wait_until(lambda: not refused(peer), "the end of the claim")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_and_the_claim(peer: Peer, number: signal.Signals) -> None:
    """The process that the shell knows is the program itself."""
    with started(*ALL, "--", "sh", "-c", "echo begun; exec sleep 1000") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(number)
    assert process.returncode == -number
    wait_until(lambda: not refused(peer), "the end of the claim")


@pytest.mark.parametrize(("program", "status"), [("no-such-program", 127), ("/", 126)])
def test_a_program_that_cannot_be_run(runtime: Path, program: str, status: int) -> None:
    """Says so in a sentence, with the exit status of `env`."""
    with started("--", program, stderr=subprocess.PIPE) as process:
        _, errors = process.communicate()
    assert (process.returncode, errors.count("\n")) == (status, 1)
    assert f"{program} cannot be run" in errors


def test_a_mistake_runs_nothing(peer: Peer) -> None:
    """Options that are of other uses."""
    for words in (["--for", "1h"], ["--drop"], ["--json"], ["stt"], ["--vram", "1G"]):
        with started(*words, "--", "echo", "run", stderr=subprocess.PIPE) as process:
            assert process.communicate()[0] == ""
        assert process.returncode == 2
