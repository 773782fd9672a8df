"""A microphone for tasks: one iteration after the other."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Callable

from hushd.audio.microphone_tasks import chunks
from support.peer import BOUND_S


class Recording:
    """A device of which the test is the sound."""

    def __init__(self) -> None:
        self.on_chunk: Callable[[], object] | None = None
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def take(self) -> bytes:
        return self._chunks.get_nowait()

    def lose(self) -> Exception:
        return AssertionError("the device was taken for lost")

    def sound(self, chunk: bytes) -> None:
        self._chunks.put(chunk)
        if self.on_chunk:
            self.on_chunk()


def test_an_iteration_that_ends_late_leaves_the_next_one_its_device() -> None:
    """A request that was given up may end after the next has begun to read: that one is woken by sound all the same."""

    async def main() -> None:
        recording = Recording()
        first, second = chunks(recording), chunks(recording)
        recording.sound(b"1")
        assert await anext(first) == b"1"
        before = recording.on_chunk
        reading = asyncio.ensure_future(anext(second))
        while recording.on_chunk is before:  # it has not begun to read
            await asyncio.sleep(0)
        await first.aclose()  # type: ignore[attr-defined]
        recording.sound(b"2")
        async with asyncio.timeout(BOUND_S):
            assert await reading == b"2"

    asyncio.run(main())
