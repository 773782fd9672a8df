"""Tests of signals as bytes in a pipe."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from hushd_supervisor.system.signals import FOLDER, Signals


@pytest.fixture
def signals() -> Iterator[Signals]:
    opened = Signals(children=True)
    yield opened
    opened.restore()


def test_a_signal_makes_the_descriptor_readable_and_ends_nothing(signals: Signals) -> None:
    """SIGTERM and SIGINT wake a poll; each is reported once, however often it came."""
    assert select.select([signals.fd], [], [], 0)[0] == []
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.raise_signal(number)
    assert select.select([signals.fd], [], [], 1)[0] == [signals.fd]
    assert signals.read() == {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    assert signals.read() == set()


def test_what_was_ignored_stays_ignored_and_all_is_put_back() -> None:
    """`nohup` and background shells ignore signals for us, and the handlers from before come back."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        term = signal.getsignal(signal.SIGTERM)
        signals = Signals(children=False)
        signal.raise_signal(signal.SIGHUP)
        assert signals.read() == set()
        assert signal.getsignal(signal.SIGTERM) is not term
        signals.restore()
        assert signal.getsignal(signal.SIGTERM) is term
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_only_we_send_is_not_left_ignored() -> None:
    """A program that ignores SIGIO may start a supervisor, which would not notice then that its folder changes."""
    before = signal.signal(FOLDER, signal.SIG_IGN)
    try:
        signals = Signals(children=False)
        signal.raise_signal(FOLDER)
        assert signals.read() == {FOLDER}
        signals.restore()
    finally:
        signal.signal(FOLDER, before)


# Python resets the signals before it clears modules, so this one comes when nothing of ours can handle it.
ENDS = """
import os, signal, sys
from hushd_supervisor.system.signals import Signals

class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=int(sys.argv[1])):
        kill(pid, number)

late = Late()
signals = Signals(children=False)
signals.ignore()
"""


@pytest.mark.parametrize("number", [signal.SIGIO, signal.SIGPROF])
def test_what_comes_when_python_has_ended_its_handlers_kills_nothing(number: signal.Signals) -> None:
    """The runtime folder may change in a supervisor's last millisecond: its exit status is 0 all the same."""
    done = subprocess.run([sys.executable, "-c", ENDS, str(int(number))], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


# Blocked, a signal waits as it does beside load for the thread that the kernel has chosen.
RESTORES = """
import os, signal, sys
from hushd_supervisor.system.signals import Signals

number = int(sys.argv[1])
signals = Signals(children=False)
signal.pthread_sigmask(signal.SIG_BLOCK, {number})
os.kill(os.getpid(), number)
signals.restore()
signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
"""


@pytest.mark.parametrize("number", [signal.SIGIO, signal.SIGPROF])
def test_what_still_waits_when_the_handlers_are_put_back_kills_nothing(number: signal.Signals) -> None:
    """The handler from before is the default one, which ends a process: nothing is left for it."""
    done = subprocess.run([sys.executable, "-c", RESTORES, str(int(number))], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
