"""Recordings that cannot be stored, over Wyoming; test_http_server.py has those over HTTP."""

from __future__ import annotations

import errno
import os
import tempfile
from contextlib import closing

import pytest
from hushd_gateway.wyoming import audio
from support.refusals import hushd_error


@pytest.mark.parametrize(("number", "code", "text"), [
    (errno.EMFILE, "server_busy", "again"), (errno.ENFILE, "server_busy", "again"),
    (errno.ENOSPC, "output_failed", "room"),
])  # fmt: skip
def test_a_long_recording_says_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, number: int, code: str, text: str
) -> None:
    """It is to be sent again without a descriptor; on a full disk room is to be made."""

    def refuses(**_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuses)
    with closing(audio.SentAudio()) as made, hushd_error(code, text):
        made.add({}, bytes(audio.IN_MEMORY_BYTES + 2))
