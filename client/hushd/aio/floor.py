"""The floor, for tasks."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Self, overload

from hushd.transport.floor import Floor

from .threads import long_step


class AsyncFloor(Floor):
    """As `Floor`, entered with `async with`: a thread waits for it, and a cancelled task gives it back.

    A `Player`, which waits on threads of its own, takes it too.
    """

    async def __aenter__(self) -> Self:
        await long_step(self.__enter__, stop=self.give_back)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    async def regain(self) -> None:
        """As `keep`."""
        if not self.held:
            await long_step(self.keep, stop=self.give_back)

    @overload
    def while_held(self, chunks: Iterable[bytes]) -> Iterator[bytes]: ...

    @overload
    def while_held(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]: ...

    def while_held(self, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> Iterator[bytes] | AsyncIterator[bytes]:
        """Yields `chunks` of the microphone, and waits while it is not ours. Raises as `keep` does."""
        return self._while_held(chunks) if isinstance(chunks, AsyncIterable) else super().while_held(chunks)

    async def _while_held(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await self.regain()
            yield chunk
