"""Tests of signals as bytes in a pipe."""

from __future__ import annotations

import select
import signal
from collections.abc import Iterator

import pytest
from hushd_supervisor.system.signals import Signals


@pytest.fixture
def signals() -> Iterator[Signals]:
    opened = Signals()
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
        signals = Signals()
        signal.raise_signal(signal.SIGHUP)
        assert signals.read() == set()
        assert signal.getsignal(signal.SIGTERM) is not term
        signals.restore()
        assert signal.getsignal(signal.SIGTERM) is term
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
