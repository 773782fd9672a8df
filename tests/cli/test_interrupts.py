"""Ctrl-C while a command or the supervisor starts: the process ends, and no traceback is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_cli import entry
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import EXIT_BUG

LOOK = "import signal; print(signal.getsignal(signal.SIGINT))"


def printed(code: str, ignored: bool = False) -> str:
    def begin() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.default_int_handler)

    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, preexec_fn=begin)
    return done.stdout.strip()


def test_an_installed_command_takes_the_systems_action_first() -> None:
    """It does so from its first line on, before imports of hushd; what a background shell has ignored stays so."""
    assert printed(f"import hushd_command; {LOOK}") == str(signal.SIG_DFL)
    assert printed(f"import hushd_command; {LOOK}", ignored=True) == str(signal.SIG_IGN)
    loaded = "import sys; before = set(sys.modules); import hushd_command; print(set(sys.modules) - before)"
    assert printed(loaded) == "{'hushd_command'}"


def test_a_program_that_imports_hushd_keeps_its_own() -> None:
    """The library changes no signal."""
    assert "default_int_handler" in printed(f"import hushd; hushd.Client; {LOOK}")


@pytest.mark.parametrize("words", [["serve"], ["serve", "--http", "127.0.0.1:0"]])
def test_an_interrupt_while_the_supervisor_is_imported(runtime: Path, words: list[str]) -> None:
    """It waits, and ends the process as soon as that can be done quietly."""

    def begin() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # as `hushd serve` does, which becomes this
        os.kill(os.getpid(), signal.SIGINT)

    done = subprocess.run(
        [sys.executable, "-P", "-m", "hushd_supervisor", *words], capture_output=True, text=True, preexec_fn=begin
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


@pytest.mark.parametrize("words", [["serve"], ["serve", "--http", "127.0.0.1:0"]])
def test_the_supervisor_is_started_with_the_interrupt_held_back(words: list[str]) -> None:
    """No moment is left between the command and the supervisor that it becomes."""
    code = (
        "import os, signal, sys; from hushd_cli import main\n"
        "os.execv = lambda *_: sys.exit(str(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())))\n"
        f"main.main('hushd', {words!r})"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "True"


def test_an_interrupt_while_the_client_is_imported(runtime: Path) -> None:
    """It ends the command at once: raised in what pyzmq's module imports, it ended the command by SIGSEGV."""
    code = """
import os, signal, sys
from hushd_cli import entry

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "zmq.error":
            os.write(1, b"interrupted ")
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = ["status"]
entry.hushd()
"""
    with open(runtime / "errors", "wb+") as errors:
        done = subprocess.run([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=errors)
        errors.seek(0)
        assert (done.returncode, done.stdout, errors.read()) == (130, b"interrupted ", b"")


@pytest.mark.parametrize(("errors", "status", "said"), [
    ([BrokenPipeError()], entry.EXIT_BROKEN_PIPE, ""),
    ([BrokenPipeError(), BrokenPipeError()], entry.EXIT_BROKEN_PIPE, ""),
    ([BrokenPipeError(), KeyboardInterrupt()], entry.EXIT_INTERRUPTED, ""),
    ([ValueError("one"), SystemExit(143)], 143, ""),
    ([BrokenPipeError(), HushdError("no_device", "There is no microphone.")], 8, "There is no microphone.\n"),
    ([BrokenPipeError(), ValueError("one")], EXIT_BUG, "This is a bug in hushd (ValueError: one)"),
    ([SystemExit("a library's words")], EXIT_BUG, "This is a bug in hushd (SystemExit: a library's words)"),
])  # fmt: skip
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_group_of_errors_ends_a_command_as_its_members_do(
    errors: list[BaseException], status: int, said: str, depth: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """An interrupt counts most, a bug more than a broken pipe; no group is itself a bug."""
    error = errors[0] if len(errors) == 1 else BaseExceptionGroup("tasks", errors)
    for _ in range(depth):
        error = BaseExceptionGroup("tasks", [error])
    assert entry._status_of(error) == status
    written = capfd.readouterr().err
    assert said in written
    assert bool(said) == bool(written)
