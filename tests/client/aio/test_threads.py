"""Steps that block, and tasks that are cancelled meanwhile."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from hushd.aio.threads import entered
from hushd_protocol.system.output_file import OutputFile


def test_a_file_that_was_just_begun_is_discarded(tmp_path: Path) -> None:
    """A task that is cancelled while another thread begins a file leaves nothing of it."""
    asyncio.run(_cancelled_in_the_beginning(tmp_path))
    assert list(tmp_path.iterdir()) == []


async def _cancelled_in_the_beginning(folder: Path) -> None:
    begins, may_go_on = threading.Event(), threading.Event()

    def make() -> OutputFile:
        begins.set()
        assert may_go_on.wait(60)
        return OutputFile(folder / "a.wav")

    async def write() -> None:
        async with entered(make):
            raise AssertionError("the task was cancelled before")

    task = asyncio.create_task(write())
    await asyncio.to_thread(begins.wait, 10)
    task.cancel()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
