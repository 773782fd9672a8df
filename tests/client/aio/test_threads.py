"""Steps that block, and tasks that are cancelled meanwhile."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from hushd.aio.threads import entered, step
from hushd_protocol.system.output_file import OutputFile


@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_was_just_begun_is_discarded(tmp_path: Path, times: int) -> None:
    """A task that is cancelled while another thread begins a file leaves nothing of it; nor one that is cancelled once
    more before that thread is done, as Ctrl-C does: it cancels the program's task, and then all that there are."""
    asyncio.run(_cancelled_in_the_beginning(tmp_path, times))
    assert list(tmp_path.iterdir()) == []


async def _cancelled_in_the_beginning(folder: Path, times: int) -> None:
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
    for _ in range(times):
        task.cancel()
        await _turns()
    assert not task.done()
    may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_step_is_no_task_that_the_end_of_a_loop_could_cancel() -> None:
    """As it ends a loop, `asyncio.run` cancels all tasks: one that waits for a step waits until its thread is done."""
    begins, may_go_on, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begins.set()
        assert may_go_on.wait(60)
        done.append(True)

    async def wait() -> None:
        try:
            await step(work)
        finally:
            assert done

    async def cancel_all() -> None:
        waiting = asyncio.create_task(wait())
        await asyncio.to_thread(begins.wait, 10)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await _turns()
        may_go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancel_all())


async def _turns() -> None:
    """Gives the loop more turns than a cancelled task needs to end."""
    for _ in range(20):
        await asyncio.sleep(0)
