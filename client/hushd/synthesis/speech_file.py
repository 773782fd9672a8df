"""A speech saved to a file, piece by piece. Raw speech is encoded here, for programs that decide on a format late."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from io import BytesIO
from typing import Any

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system.output_file import OutputFile
from hushd_schema.sound_file import SOUNDFILE, WAV_HEADER, format_of, wav_header

from hushd.transport.spool import RAW, Piece


class SpeechFile:
    """A file for one speech, which appears only once it is whole; a context manager. Raises `output_failed` when it
    cannot be written, `bad_request` when the path names another format.
    `form`: of the speech: raw samples become what the path's extension names; a sound file's bytes stay as they are."""

    def __init__(self, path: str | os.PathLike[str], form: str) -> None:
        self._form = format_of(path)
        if form not in (self._form, RAW):
            raise HushdError(
                "bad_request",
                f"This speech is {form}: ask for it with format={self._form!r} to save it as {self._form}.",
            )
        self._raw = form == RAW and self._form != "pcm"  # it needs a header at least
        self._stack = ExitStack()
        self._file = self._stack.enter_context(OutputFile(path))
        self._write: Callable[[Piece], None]

    def __enter__(self) -> SpeechFile:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def begin(self, rate: int, channels: int) -> None:
        """Must be called before the first `write`, once it is known how the speech sounds."""
        channels = channels or 1
        if not self._raw:
            self._write = lambda piece: self._file.write(*piece)
        elif self._form == "wav":
            self._begin_wav(rate, channels)
        else:
            self._begin_encoded(rate, channels)

    def write(self, piece: Piece) -> None:
        """Adds the next piece."""
        self._write(piece)

    def _begin_wav(self, rate: int, channels: int) -> None:
        self._file.write(wav_header(rate, None, channels))
        self._write = lambda piece: self._file.write(piece.data)

        def end(kind: type[BaseException] | None, *_: object) -> None:
            if kind is None:
                self._file.write(wav_header(rate, self._file.size - WAV_HEADER, channels), 0)

        self._stack.push(end)

    def _begin_encoded(self, rate: int, channels: int) -> None:
        encoded = BytesIO()

        def end(kind: type[BaseException] | None, *_: object) -> None:
            if kind is None:
                self._file.write(encoded.getvalue())

        self._stack.push(end)
        sound = self._stack.enter_context(_encoder(encoded, self._form, rate, channels))
        self._write = lambda piece: sound.buffer_write(piece.data, "int16")


def _encoder(target: BytesIO, form: str, rate: int, channels: int) -> Any:
    """Returns a context manager that encodes s16le samples. Raises `bad_request` when soundfile is not installed, or it
    cannot write the format or this rate."""
    instead = f"ask for it with synthesize(..., format={form!r})"
    if form not in SOUNDFILE:
        raise HushdError("bad_request", f"Raw speech is not saved as {form}: {instead}.")
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package is there and libsndfile is not
        raise HushdError(
            "bad_request", f"To save raw speech as {form}, {instead}, or install soundfile ({reason(error)})."
        ) from error
    container, coding = SOUNDFILE[form]
    try:
        return soundfile.SoundFile(target, "w", rate, channels, coding, format=container)
    except soundfile.SoundFileError as error:
        raise HushdError(
            "bad_request", f"A {form} file cannot have {rate} samples a second: {instead}, which resamples."
        ) from error
