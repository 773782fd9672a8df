"""An open device, and the chunks that it or another thread records."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Protocol, Self

from hushd.transport.waiting import next_item

SAMPLE_BYTES = 2  # bytes of a sample


class Device(Protocol):
    """An open device that iterates over chunks of s16le samples; `rate` is in Hz."""

    rate: int

    def __enter__(self) -> object: ...

    def __exit__(self, *_: object) -> None: ...

    def __next__(self) -> bytes: ...

    def __iter__(self) -> Iterator[bytes]: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class Closing:
    """A context manager, whose end closes it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> object:
        raise NotImplementedError


class Chunks(Iterator[bytes]):
    """Iterates over the chunks that another thread puts, until they are stopped or fail; both last."""

    def __init__(self) -> None:
        self._chunks: queue.SimpleQueue[bytes | BaseException | None] = queue.SimpleQueue()

    def __next__(self) -> bytes:
        chunk = self._get()
        if isinstance(chunk, bytes):
            return chunk
        self._chunks.put(chunk)  # the next call of a reader that looks ahead gets it, too
        raise chunk or StopIteration

    def _get(self) -> bytes | BaseException | None:
        """Waits for the next chunk, error or end."""
        return next_item(self._chunks)

    def put(self, chunk: bytes) -> None:
        """Adds a chunk."""
        self._chunks.put(chunk)

    def fail(self, error: BaseException) -> None:
        """Ends the iteration with `error`, after the sound recorded until now."""
        self._chunks.put(error)

    def stop(self) -> None:
        """Ends the iteration after the sound recorded until now. Safe in a signal handler."""
        self._chunks.put(None)
