"""Waits for words at the microphone, and keeps the sound that follows them; removes the words from its text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from hushd.audio.microphone import Microphone
from hushd.audio.recording import Chunks, Closing, Device
from hushd.floor import Floor
from hushd_protocol.errors import HushdError

from .detection import Detection, Detections, detect
from .ring import Ring

if TYPE_CHECKING:
    from hushd.client import Client
    from hushd.transcripts.transcript import Transcription

# Errors that end a request without a fault of this program: the next request continues.
_AGAIN = ("supervisor_lost", "shutting_down", "worker_stopped", "worker_crashed", "slow_consumer")
# Seconds of silence put before the sound: of 36 commands said in one breath with the word a model lost words of five if
# the sound began within speech, and of none with the silence.
BEFORE_WORD_S = 0.3
_STEADY_S = 60.0  # seconds after which a failure does not count as a repetition
_FAILURES = 3  # failures in a row
# Twice the usual length, since recordings last for hours: half the work, for 0.05 s more delay on average.
WAKE_CHUNK_S = 0.2
_HEARD_TWICE_S = 2.0  # seconds of sound that the next request gets again, since a word may have been said in between
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Heard:
    """A word detected at the microphone.

    Attributes:
        word, name, probability: as in `Detection`.
        rate: Hz of `sound`.
    """

    def __init__(self, detection: Detection, ring: Ring, offset_s: float) -> None:
        self.word, self.name, self.probability = detection.word, detection.name, detection.probability
        self.rate = ring.rate
        self._ring = ring
        self._end = offset_s + detection.end

    @property
    def lost(self) -> bool:
        """True if the sound after the word is no longer kept."""
        return self._ring.begins_s > self._end

    def sound(self) -> Chunks:
        """Returns an iterator over the sound from the end of the word on, for `Client.listen`.

        Up to 10 s after the word it begins with the speech in the same breath, after a moment of silence. Without a
        pause between them it includes the wake word itself.
        """
        return self._ring.reader(self._end, BEFORE_WORD_S)

    def speech(self, transcription: Transcription) -> str:
        """Waits for a transcription of `sound` to end, and closes it; returns its text without the word.

        Empty if there was no speech after the word. Raises as the transcription does.
        """
        try:
            return without_start(transcription.transcript().text, self.word)
        except HushdError as error:
            if error.code != "no_speech":
                raise
            return ""
        finally:
            transcription.close()


class Begin(Protocol):
    """Starts a request that detects words in samples of a rate."""

    def __call__(self, chunks: Iterable[bytes], *, rate: int) -> Detections: ...


class Wake(Closing, Iterator[Heard]):
    """Iterates over the words detected at the microphone. A context manager, which closes the microphone.

    The microphone opens when the first word is requested, and closes during `hushd pause`; then no worker runs either.
    """

    def __init__(self, begin: Begin, floor: Floor, microphone: Callable[[], Device]) -> None:
        self._begin = begin
        self._floor = floor
        self._open = microphone
        self._device: Device | None = None
        self._detections: Detections | None = None
        self._closed = False
        self._words = self._run()

    def __next__(self) -> Heard:
        return next(self._words)

    def close(self) -> None:
        """Closes the microphone and stops waiting. Safe on any thread."""
        self._closed = True
        self._floor.stop()
        self._silence()
        if detections := self._detections:
            detections.close()
        with suppress(ValueError):  # another thread is waiting for the next word, and will notice
            self._words.close()

    def _silence(self) -> None:
        """Ends the recording, at a pause or at the end."""
        if device := self._device:
            device.stop()

    def _run(self) -> Generator[Heard]:
        self._floor.on_loss = self._silence
        try:
            with self._floor:
                while not self._closed:
                    self._floor.keep()
                    yield from self._open_ear()
                    if self._floor.held:  # the recording ended by itself
                        return
        except HushdError:
            if not self._closed:
                raise
        finally:
            self._closed = True

    def _open_ear(self) -> Iterator[Heard]:
        """Yields words until the microphone is closed."""
        device = self._device = self._open()
        ring = Ring(device)  # closes the device
        try:
            if self._floor.held:  # otherwise the floor was lost while the device opened
                yield from self._detect(ring)
        finally:
            self._device = None
            device.stop()

    def _detect(self, ring: Ring) -> Iterator[Heard]:
        failures, offset_s = 0, 0.0
        while True:
            started_at, known_s = time.monotonic(), offset_s
            try:
                with self._begin(ring.reader(offset_s), rate=ring.rate) as self._detections:
                    for detection in self._detections:
                        known_s = offset_s + detection.at
                        yield Heard(detection, ring, offset_s)
                return
            except HushdError as error:
                failures = 1 if time.monotonic() - started_at > _STEADY_S else failures + 1
                if error.code not in _AGAIN or failures > _FAILURES or self._closed:
                    raise
                offset_s = max(known_s, ring.now - _HEARD_TWICE_S)


def wake(
    client: Client,
    *words: str,
    device: str | int | None = None,
    on_wait: Callable[[str], None] | None = None,
    **options: Any,
) -> Wake:
    """Waits for words at the microphone; iterate over the words heard.

        for heard in wake(client, "hey jarvis"):
            print(client.listen(heard.sound(), rate=heard.rate).transcript().text)

    Nothing but a worker of 35 MB is loaded meanwhile. What is said in the same breath as the word is the beginning of
    `sound`. `hushd status` shows who waits, and `hushd pause` closes the microphone until `hushd resume`.

    Args:
        device: the microphone's number, its name or the beginning of its name; None: the usual one.
        on_wait: called with `paused` when it is not to begin yet.
        options: engine, model, threshold, keep_alive, priority: see `detect`.
    """
    return Wake(
        lambda chunks, *, rate: detect(client, chunks, *words, rate=rate, **options),
        client.floor("wake", on_wait=on_wait),
        partial(Microphone, device, chunk_s=WAKE_CHUNK_S),
    )


def without_start(text: str, start: str) -> str:
    """Returns the text without the words `start` at its beginning; ignores case and punctuation."""
    words, first = list(_WORD.finditer(text)), [word.casefold() for word in _WORD.findall(start)]
    if not first or [word[0].casefold() for word in words[: len(first)]] != first:
        return text
    return text[words[len(first) - 1].end() :].lstrip(" ,;:.!?–—-\n")
