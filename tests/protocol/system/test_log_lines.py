"""Lines of logs, with the request's id, from streams that several threads write to."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hushd_protocol.system.log_files import LogStream, concern, line, short_id

REQUEST = bytes.fromhex("a1b2c3d4") + bytes(12)
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
Open = Callable[[], LogStream]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the log `tmp_path`/log as a stream; afterwards this thread concerns no request."""
    descriptor = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    yield lambda: LogStream(descriptor)
    concern(b"")
    os.close(descriptor)


def written(folder: Path) -> list[str]:
    return [TIME.sub("T", one) for one in (folder / "log").read_text().splitlines()]


def test_a_line_of_text_has_time_level_and_request() -> None:
    """Unknown fields are left out, and further lines of a text are indented."""
    made = line("one\ntwo", request=short_id(REQUEST), level="info")
    assert TIME.sub("T", made) == "T INFO    request a1b2c3d4: one\n    two\n"
    assert TIME.sub("T", line("one")) == "T one\n"


def test_what_a_thread_prints_concerns_its_request(opened: Open, tmp_path: Path) -> None:
    """Each line has the id of the request on which its thread works, and none before and after."""
    stream = opened()
    print("loading", file=stream)
    concern(REQUEST)
    print("one\n\ntwo", file=stream)
    other = threading.Thread(target=lambda: print("other", file=stream))
    other.start()
    other.join()
    concern(b"")
    print("done", file=stream)
    assert written(tmp_path) == ["T loading", "T request a1b2c3d4: one", "T request a1b2c3d4: two", "T other", "T done"]


def test_a_full_disk_ends_no_thread() -> None:
    """A write that fails is lost."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    stream = LogStream(descriptor)
    print("lost", file=stream)
    os.close(descriptor)
