"""The fair copy of a live session, for tasks: news come to their loop, and the sound from where they have it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable

from hushd.transcripts.fair_copy import FairCopy, OnRevised
from hushd.transcripts.fair_plan import Revision


def on_loop(on_revised: OnRevised | None) -> OnRevised:
    """The same for the copy's thread: `on_revised` is called on the loop that runs now, as long as it does."""
    loop = asyncio.get_running_loop()

    def report(revision: Revision) -> None:
        if on_revised and not loop.is_closed():
            loop.call_soon_threadsafe(on_revised, revision)

    return report


def heard(copy: FairCopy, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> Iterable[bytes] | AsyncIterable[bytes]:
    """The session's sound, which `copy` keeps."""
    if not isinstance(chunks, AsyncIterable):
        return copy.hear(chunks)

    async def kept() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            copy.add(chunk)
            yield chunk

    return kept()
