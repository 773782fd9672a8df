"""Has a recording heard while it arrives: the model loads and reads its beginning, and the text follows the last byte.

The request has the fields before the file, as OpenAI's package for Python sends them; it is cancelled if others follow.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from hushd.aio.call import AsyncStream
from hushd.aio.client import AsyncTranscription
from hushd_protocol.limits import MAX_PAYLOAD

from ..body import Form
from ..errors import ApiError
from ..fields import FormFields
from .params import TranscriptionRequest, parse_request

_ARRIVING_S = 0.2  # a recording that arrives sooner is read from its file
_SENT_EVERY_S = 0.1  # seconds between two sends: after 50 ms without input a job leaves its slot to others
_UPLOADS = 4  # uploads; a program may have twice as many jobs that wait for it


class Arriving(AsyncStream):
    """A form's file while it is written; each attempt to send it reads it from its beginning."""

    whole = True

    def __init__(self, path: Path, is_written: asyncio.Event) -> None:
        self._path, self._is_written = path, is_written

    async def pieces(self) -> AsyncIterator[bytes]:
        with self._path.open("rb", buffering=0) as file:
            is_last = False
            while not is_last:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SENT_EVERY_S):
                        await self._is_written.wait()
                is_last = self._is_written.is_set()
                while piece := file.read(MAX_PAYLOAD):
                    yield piece

    def close(self) -> None:
        """Does nothing, since it reads only while it is asked."""


Begun = asyncio.Task[AsyncTranscription]
Start = Callable[[Arriving, TranscriptionRequest], Coroutine[Any, Any, AsyncTranscription]]


class Early(AbstractContextManager["Early"]):
    """The early request for a form's file; a context manager, whose end cancels it unless it was taken.
    `start`: sends the request for a recording. `size`: the bytes of the form, 0 if they are not known."""

    _under_way = 0  # forms under way

    def __init__(self, form: Form, start: Start, size: int = 0) -> None:
        self._form, self._start, self._size = form, start, size
        self._since = math.inf
        self._fields: dict[str, list[str]] = {}  # fields before the file
        self._begun: Begun | None = None

    def __exit__(self, *_: object) -> None:
        if begun := self._released():
            begun.cancel()
            begun.add_done_callback(_close)

    def start_if_slow(self) -> None:
        """Sends the request once the file takes long to arrive."""
        form, now = self._form, time.monotonic()
        if form.path and self._since == math.inf:
            self._since, self._fields = now, {name: [*texts] for name, texts in form.fields.items()}
        elif form.path and now > self._since + _ARRIVING_S and self._fields and Early._under_way < _UPLOADS:
            self._since = math.nan  # it is asked for once
            with suppress(ApiError, OSError):  # the whole form is refused for it
                if shutil.disk_usage(form.path).free < 2 * self._size:  # the file and the worker's copy
                    return
                ask = parse_request(FormFields(self._fields))
                self._begun = asyncio.create_task(self._start(Arriving(form.path, form.has_file), ask))
                Early._under_way += 1

    def hand_over(self) -> Begun | None:
        """Returns the request, now the caller's; None if there is none, or the whole form asks for something else."""
        if self._form.fields == self._fields:
            return self._released()
        self.__exit__()
        return None

    def _released(self) -> Begun | None:
        begun, self._begun = self._begun, None
        Early._under_way -= begun is not None
        return begun


def _close(begun: Begun) -> None:
    if not begun.cancelled() and not begun.exception():
        begun.result().close()
