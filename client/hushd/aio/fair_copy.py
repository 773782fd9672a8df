"""The fair copy of a live session, for tasks: its thread's client is on the same connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from typing import Any

from hushd.client import Client
from hushd.transcripts import fair_copy
from hushd.transcripts.fair_copy import FairCopy, OnRevised
from hushd.transcripts.fair_plan import Each, Revision
from hushd.transport.link import Link


def follow(
    link: Link,
    model: str,
    rate: int,
    channels: int,
    options: Mapping[str, Any],
    on_revised: OnRevised | None,
    each: Each,
    *,
    echo: bool,
) -> FairCopy:
    """As `hushd.transcripts.fair_copy.follow`; `on_revised` is called on the loop that runs."""
    loop = asyncio.get_running_loop()

    def report(revision: Revision) -> None:
        if on_revised and not loop.is_closed():
            loop.call_soon_threadsafe(on_revised, revision)

    transcribe = Client.on(link, None).transcribe
    return fair_copy.follow(transcribe, model, rate, channels, options, report, each, echo=echo)


def heard(copy: FairCopy, chunks: Iterable[bytes] | AsyncIterable[bytes]) -> Iterable[bytes] | AsyncIterable[bytes]:
    """The session's sound, which `copy` keeps."""
    if not isinstance(chunks, AsyncIterable):
        return copy.hear(chunks)

    async def kept() -> AsyncIterator[bytes]:
        async for chunk in chunks:
            copy.add(chunk)
            yield chunk

    return kept()
