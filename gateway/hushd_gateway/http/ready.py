"""Speech that is made so soon that it is sent as one: its header then has the true length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from hushd.aio.client import AsyncSpeech
from hushd.transport.spool import Piece

READY_S = 0.3  # for the whole speech; a longer one begins with what there is by then
HEADED = ("wav", "mp3", "flac")  # formats whose header has the length


async def whole_or_begun(speech: AsyncSpeech, seconds: float) -> AsyncIterator[bytes]:
    """Returns the audio: as one piece if it ends within `seconds`, else what has come, and then the rest as it comes.

    Raises:
        HushdError: what kept the speech from its first `seconds`.
    """
    pieces, loop = speech.pieces(), asyncio.get_running_loop()
    audio, ends = bytearray(), loop.time() + seconds
    while True:
        step = asyncio.ensure_future(anext(pieces, None))
        try:
            await asyncio.wait({step}, timeout=max(0.0, ends - loop.time()))
        except asyncio.CancelledError:
            step.cancel()  # which cancels the speech
            raise
        if not step.done():
            return _rest(speech, pieces, step, bytes(audio))
        if (piece := step.result()) is None:
            return _rest(speech, pieces, None, bytes(audio))
        place = len(audio) if piece.offset is None else piece.offset
        audio[place : place + len(piece.data)] = piece.data


async def _rest(
    speech: AsyncSpeech, pieces: AsyncIterator[Piece], step: asyncio.Future[Piece | None] | None, audio: bytes
) -> AsyncIterator[bytes]:
    """Yields the audio so far, and the pieces after it; those that correct a header come too late."""
    position = len(audio)
    try:
        async with aclosing(speech):
            if audio:
                yield audio
            while step and (piece := await step) is not None:
                step = asyncio.ensure_future(anext(pieces, None))
                overlap = 0 if piece.offset is None else position - piece.offset
                if data := piece.data[max(0, overlap) :]:
                    position += len(data)
                    yield data
    finally:
        if step:
            step.cancel()
