"""Request bodies: JSON within a limit, and forms, whose file is spooled to disk as it arrives."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from hushd_protocol import JsonObject
from hushd_protocol.errors import HushdError
from hushd_protocol.system import uploads
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from . import fields
from .errors import ApiError, bad
from .fields import FormFields

JSON = 4 * 1024 * 1024  # bytes: four days of speech
FIELDS = 4 * 1024 * 1024  # bytes of a form besides its file, names included: a prompt, keywords, speakers' voices
UPLOAD = 4 * 1024 * 1024 * 1024  # bytes: 37 hours of 16 kHz samples
BODY_SILENCE_S = 20.0  # seconds without a byte
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it logs each damaged form


async def pieces(request: Request, limit: int) -> AsyncIterator[bytes]:
    """Yields the body as it arrives.
    Raises ApiError: 413 beyond `limit` bytes; 408 when nothing arrives for `BODY_SILENCE_S`."""
    if int(request.headers.get("content-length", "0")) > limit:
        raise _too_large(limit)
    size = 0
    stream = aiter(request.stream())
    while True:
        try:
            async with asyncio.timeout(BODY_SILENCE_S):
                piece = await anext(stream, None)
        except TimeoutError:
            raise ApiError(408, "The body has not arrived in time: send it again.", code="timeout") from None
        if piece is None:
            return
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        yield piece


async def read_json(request: Request) -> JsonObject:
    """Returns the body as a JSON object; no body, as of OpenAI's package for Node.js, is an empty one.
    Raises ApiError: 400 if it is not an object, and as `pieces`."""
    data = b"".join([piece async for piece in pieces(request, JSON)]) or b"{}"
    try:
        value = fields.parse(data)
    except (ValueError, RecursionError):
        raise bad("The body must be JSON.") from None
    if not isinstance(value, dict):
        raise bad("The body must be an object of JSON.")
    return value


class Form:
    """A received form; a context manager, which removes the file at its end.

    Attributes:
        fields: the texts of each field, by name.
        path: of the file; None without one.
    """

    def __init__(self) -> None:
        self.fields = FormFields()
        self.path: Path | None = None
        self._lock = -1  # a descriptor with the file's lock

    def __enter__(self) -> Form:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if self.path is None:
            return
        with suppress(OSError):  # a file left behind is swept later
            self.path.unlink()
        with suppress(OSError):  # a network file system may report its full disk only now
            os.close(self._lock)
        if isinstance(error, HushdError):  # the sender does not know the file's path
            for name in (repr(str(self.path)), str(self.path)):
                error.message = error.message.replace(name, "The recording")

    def leave(self, seconds: float) -> Path | None:
        """Returns the file's path, None without one; it stays for so long, even if this process ends before."""
        if path := self.path:
            uploads.leave(str(path), seconds)
            self.path = None
            os.close(self._lock)
        return path

    def open(self) -> IO[bytes]:
        """Creates the file and returns it, open for writing."""
        descriptor, path = uploads.create()
        self.path, self._lock = Path(path), descriptor
        return os.fdopen(os.dup(descriptor), "wb", buffering=0)

    async def read(self, request: Request) -> None:
        """Reads the form from the request.
        Raises ApiError: 400 if it is not a form, 413, 408; as `uploads.failure` when the file cannot be written."""
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise bad("Send a form, as multipart/form-data, with the recording in its field `file`.")
        reader = _FormReader(self, boundary)
        try:
            async for piece in pieces(request, UPLOAD):
                reader.write(piece)
            reader.finish()
        finally:
            reader.close()


class _FormReader:
    """Parses a form while it arrives, by python-multipart's callbacks."""

    def __init__(self, form: Form, boundary: bytes) -> None:
        self._form = form
        self._file: IO[bytes] | None = None  # file of the current part, if it is the recording
        self._value = bytearray()
        self._name = ""
        self._header: tuple[bytearray, bytearray] = bytearray(), bytearray()
        self._options: dict[bytes, bytes] = {}
        self._room = FIELDS
        self._is_whole = False  # whether the last boundary has come
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._note_end,
                },
            )
        except FormParserError:
            raise _no_form() from None

    def write(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _no_form() from None
        except OSError as error:
            raise uploads.failure(error) from error

    def finish(self) -> None:
        if not self._is_whole:  # the parser's own `finalize` asks nothing
            raise _no_form()

    def close(self) -> None:
        """Closes the file of an incomplete recording."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _begin(self) -> None:
        self._value = bytearray()
        self._options = {}
        self._name = ""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header[0].extend(data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header[1].extend(data[start:end])

    def _header_end(self) -> None:
        name, value = self._header
        if name.lower() == b"content-disposition":
            self._options = parse_options_header(bytes(value))[1]
        self._header = bytearray(), bytearray()

    def _headers_end(self) -> None:
        self._name = self._options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in ("file", "audio_sample"):  # the latter is a voice's
            if self._form.path is not None:
                raise bad("Send one file.", "file")
            self._file = self._form.open()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._count(end - start)
            self._value.extend(data[start:end])
            return
        view = memoryview(data)[start:end]
        while view:
            view = view[self._file.write(view) :]

    def _end(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()
        else:
            self._form.fields.setdefault(self._name, []).append(self._value.decode("utf-8", "replace"))

    def _note_end(self) -> None:
        self._is_whole = True

    def _count(self, count: int) -> None:
        self._room -= count
        if self._room < 0:
            raise ApiError(413, f"The fields of a form, besides its file, have at most {FIELDS // 1024} KB.")


def _no_form() -> ApiError:
    return bad("The form cannot be read: it is damaged, or ends too early.")


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"The body is larger than {limit // (1024 * 1024)} MB.", code="request_too_large")
