"""Speech as it is being made: raw audio to play, or the bytes of a sound file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from typing import Any

from hushd.transport.steps import run

from .incoming import IncomingSpeech
from .received import Piece


class Speech(IncomingSpeech, Iterator[bytes]):
    """Iterates over the audio as it becomes known: s16le samples, or a sound file's bytes in the order of a stream.

    A file's header that is known only at the end is left out of the iteration and put right by `save`.

    What was received is kept, in memory or, beyond 8 MiB, in a temporary file: so `save`, `array` and `play` take all
    of the speech, from its beginning, also after the iteration and more than once.

    Attributes: those of `IncomingSpeech`.
    """

    @property
    def rate(self) -> int:
        """Samples a second; waits for the first piece of audio."""
        self.wait()
        return self._rate

    @property
    def channels(self) -> int:
        """1 or 2; waits for the first piece of audio."""
        self.wait()
        return self._channels

    def wait(self) -> None:
        """Waits for the first piece of audio, or the end."""
        run(self._has(0))

    def __next__(self) -> bytes:
        if data := run(self._following()):
            return data
        raise StopIteration

    def pieces(self) -> Iterator[Piece]:
        """Yields all of the audio, from its beginning, with the offsets that a file's pieces have.

        Raises:
            HushdError: what went wrong; `cancelled` when the speech was closed before its end.
        """
        for index in count():
            piece = run(self._piece(index))
            if piece is None:
                return
            yield piece

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes all of it to a file, which appears only once it is whole.

        Raw audio becomes what the path's extension names: a WAV, raw samples (.pcm, .raw), or what soundfile encodes
        (FLAC, Ogg, Opus, MP3, AIFF). A speech that was asked for in a format is saved in that one.

        Raises:
            HushdError: `output_failed` when it cannot be written, `bad_request` when the path names another format.
        """
        from .speech_file import SpeechFile  # for those who save it

        with SpeechFile(path, self.format) as file:
            file.begin(self.rate, self.channels)
            for piece in self.pieces():
                file.write(piece)

    def array(self) -> Any:
        """Returns all of it as a numpy array, float32 in -1..1: (frames,), or (frames, channels) where there are 2.

        Raises:
            HushdError: `bad_request` for a speech that was asked for as a sound file; and what `pieces` raises.
        """
        self._check_raw("an array")
        from hushd.audio.samples import floats

        return floats(b"".join(piece.data for piece in self.pieces()), self.channels)

    def play(self, device: str | int | None = None, *, volume: float = 1.0) -> None:
        """Plays the speech from its beginning, as it is made; returns when its last sample was heard.

        It holds the floor, as `say` does: it waits while another program speaks, and `hushd stop` ends it.

        Args:
            device: the loudspeaker's number, its name or the beginning of its name; None: the usual one.
            volume: 0 to 2 times as loud as it was made.

        Raises:
            HushdError: `no_device` when there is no loudspeaker, `cancelled` when it was stopped, `bad_request` for a
                speech that was asked for as a sound file.
        """
        self._check_raw("played")
        from hushd.audio.playback import play

        chunks = (piece.data for piece in self.pieces())
        play(chunks, self.rate, self.channels, device, self._floor and self._floor(), volume)

    def _repr_html_(self) -> str | None:
        while self._keep and run(self._has(len(self._received))):
            pass
        return super()._repr_html_()
