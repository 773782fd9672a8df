"""A speech saved to a file, piece by piece. Raw speech is encoded here, for programs that decide on a format late."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system.output_file import OutputFile
from hushd_schema.sound_file import SOUNDFILE, WAV_HEADER, sound_format, wav_header

from hushd.transport.spool import RAW, Piece


class SpeechFile:
    """A file for one speech, which appears only once it is whole; a context manager. Raises `output_failed` when it
    cannot be written, `bad_request` when the path names another format.
    `form`: of the speech: raw samples become what the path's extension names; a sound file's bytes stay as they are."""

    def __init__(self, path: str | os.PathLike[str], form: str) -> None:
        self._form = sound_format(path)
        if form not in (self._form, RAW):
            raise HushdError(
                "bad_request",
                f"This speech is {form}: ask for it with format={self._form!r} to save it as {self._form}.",
            )
        self._raw = form == RAW and self._form != "pcm"  # it needs a header at least
        self._stack = ExitStack()
        self._file = self._stack.enter_context(OutputFile(path))
        self._write: Callable[[Piece], object]

    def __enter__(self) -> SpeechFile:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.__exit__(*error)

    def begin(self, rate: int, channels: int) -> None:
        """Must be called before the first `write`, once it is known how the speech sounds."""
        if not self._raw:
            self._write = lambda piece: self._file.write(*piece)
            return
        write = self._stack.enter_context(encoding(self._file, self._form, rate, channels or 1))
        self._write = lambda piece: write(piece.data)

    def write(self, piece: Piece) -> None:
        """Adds the next piece."""
        self._write(piece)


@contextmanager
def encoding(file: OutputFile, form: str, rate: int, channels: int) -> Iterator[Callable[[bytes], object]]:
    """Yields a function that writes samples (s16le) in a format. Raises `bad_request` when soundfile is not installed,
    or it cannot write the format or this rate."""
    if form == "pcm":
        yield file.write
    elif form == "wav":
        file.write(wav_header(rate, None, channels))
        yield file.write
        file.write(wav_header(rate, file.size - WAV_HEADER, channels), 0)
    else:
        with _encoder(_Seekable(file), form, rate, channels) as sound:
            yield lambda data: sound.buffer_write(data, "int16")


class _Seekable:
    """An output as soundfile writes to one: it corrects a header at the end."""

    def __init__(self, file: OutputFile) -> None:
        self._file = file
        self._at = 0

    def write(self, data: Any) -> int:
        self._file.write(bytes(data), self._at)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._file.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at


def _encoder(target: _Seekable, form: str, rate: int, channels: int) -> Any:
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
