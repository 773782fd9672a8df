"""Speech as it is being made, for tasks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, Self

from hushd.synthesis.incoming import IncomingSpeech
from hushd.synthesis.received import Piece

from .steps import run
from .threads import entered, long_step, step

if TYPE_CHECKING:
    from hushd.audio.playback import Player


class AsyncSpeech(IncomingSpeech, AsyncIterator[bytes]):
    """As `Speech`: iterated over with `async for`; what waits is awaited. A context manager, whose end cancels.

    When a task that waits for its audio is cancelled, the request is cancelled.

    Attributes: those of `IncomingSpeech`.
    """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def rate(self) -> int:
        """Samples a second; 0 until the first piece of audio has come, which `wait` waits for."""
        return self._rate

    @property
    def channels(self) -> int:
        """1 or 2; 0 until the first piece of audio has come."""
        return self._channels

    async def wait(self) -> None:
        """Waits for the first piece of audio, or the end."""
        await run(self._has(0))

    async def __anext__(self) -> bytes:
        if data := await run(self._following()):
            return data
        raise StopAsyncIteration

    async def pieces(self) -> AsyncIterator[Piece]:
        """Yields all of the audio, from its beginning, with the offsets that a file's pieces have.

        Raises:
            HushdError: what went wrong; `cancelled` when the speech was closed before its end.
        """
        for index in count():
            piece = await run(self._piece(index))
            if piece is None:
                return
            yield piece

    async def save(self, path: str | os.PathLike[str]) -> None:
        """As `Speech.save`."""
        from hushd.synthesis.speech_file import SpeechFile  # for those who save it

        async with entered(lambda: SpeechFile(path, self.format)) as file:
            await self.wait()
            await step(file.begin, self.rate, self.channels)
            async for piece in self.pieces():
                await step(file.write, piece)

    async def array(self) -> Any:
        """As `Speech.array`."""
        self._check_raw("an array")
        from hushd.audio.samples import floats

        data = b"".join([piece.data async for piece in self.pieces()])
        return await asyncio.to_thread(floats, data, self.channels)

    async def play(self, device: str | int | Player | None = None, *, volume: float = 1.0) -> None:
        """As `Speech.play`; a cancelled task's loudspeaker falls silent.

        Args:
            device: the loudspeaker's number, its name or the beginning of its name; None: the usual one. Or a
                `Player`, whose floor and volume count then.
        """
        self._check_raw("played")
        from hushd.audio.playback import Player

        await self.wait()
        floor = None if isinstance(device, Player) or self._floor is None else self._floor()
        player = device if isinstance(device, Player) else Player(device, floor, volume)

        def stop() -> None:
            if floor is not None:
                floor.stop()
            player.stop()
            self.close()

        await long_step(player.play, _read_on_loop(self.pieces()), self.rate, self.channels, stop=stop)

    async def aclose(self) -> None:
        """As `close`, for `contextlib.aclosing`."""
        self.close()


def _read_on_loop(pieces: AsyncIterator[Piece]) -> Iterator[bytes]:
    """Yields the audio of `pieces`, to another thread."""
    loop = asyncio.get_running_loop()

    async def read() -> Piece | None:
        return await anext(pieces, None)

    def chunks() -> Iterator[bytes]:
        while (piece := asyncio.run_coroutine_threadsafe(read(), loop).result()) is not None:
            yield piece.data

    return chunks()
