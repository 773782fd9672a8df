"""The grammar of keep_alive."""

from __future__ import annotations

import pytest
from hushd.verbs.requests import parse_keep_alive, warm
from hushd_protocol.duration import FOREVER
from hushd_protocol.errors import HushdError


@pytest.mark.parametrize(("value", "seconds"), [(0, 0.0), (300, 300.0), ("1h30m", 5400.0), ("-1m", FOREVER)])
def test_what_ollama_takes_is_taken(value: float | str, seconds: float) -> None:
    """Numbers and strings, with and without units, negative for ever: all mean what users of ollama expect."""
    assert parse_keep_alive(value) == seconds


@pytest.mark.parametrize("value", ["", "five", "5m 30s"])
def test_what_means_nothing_is_refused(value: str) -> None:
    """Anything else is a bad_request that shows the value and the possible ones."""
    with pytest.raises(HushdError, match="5m") as caught:
        parse_keep_alive(value)
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize(("keep_alive", "seconds"), [(None, None), ("5m", 300.0)])
def test_a_worker_is_warmed_for_as_long_as_was_asked(keep_alive: str | None, seconds: float | None) -> None:
    """Without a time the configuration's counts."""
    assert warm("stt/echo/a", keep_alive).keep_alive == seconds
