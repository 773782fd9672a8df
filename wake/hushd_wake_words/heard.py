"""Waiting for words at the microphone, and the sound that follows them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from hushd.audio.chunks import Chunks
from hushd.audio.recording import Device
from hushd.audio.ring import Ring
from hushd.transport.floor import Floor
from hushd_protocol.errors import HushdError

from .detection import Detection, Detections
from .start import without_start

if TYPE_CHECKING:
    from hushd.transcripts.transcription import Transcription

# Which end a request and are nobody's fault: the next one goes on.
_AGAIN = ("supervisor_lost", "shutting_down", "worker_stopped", "worker_crashed", "slow_consumer")
# Of silence before the sound: of 36 commands said in one breath with the word a model lost words of five where it began
# within speech, and with this of none.
LEAD_S = 0.3
_STEADY_S = 60.0  # after which a failure does not repeat the one before
_FAILURES = 3  # in a row
CHUNK_S = 0.2  # of a recording that goes on for hours: twice the usual, which costs 0.05 s on average and half the work
_AGAIN_S = 2.0  # of sound that the next request hears once more: a word may have been said meanwhile


class Heard:
    """A word that was heard at the microphone.

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
        """True if it is so long ago that the sound after it is no longer kept."""
        return self._ring.begins_s > self._end

    def sound(self) -> Chunks:
        """Returns an iterator over all that is recorded from the end of the word on, as `Client.listen` takes it.

        Speech in the same breath is its beginning, for 10 s after the word, behind a moment of silence. Where nobody
        paused, the wake word itself is heard before it.
        """
        return self._ring.reader(self._end, LEAD_S)

    def speech(self, transcription: Transcription, owner: str = "") -> str:
        """Waits for the end of a transcription of `sound`, and closes it; returns its text without the word.

        Empty where nobody has said anything after it; with an `owner`, where nobody has whose voice is theirs.

        Raises:
            HushdError: what else went wrong.
        """
        try:
            transcript = transcription.transcript()
            segments = (each for each in transcript if not owner or each.speaker == owner)
            return without_start(replace(transcript, segments=tuple(segments)).text, self.word)
        except HushdError as error:
            if error.code != "no_speech":
                raise
            return ""
        finally:
            transcription.close()


class Begin(Protocol):
    """Begins a request that waits for words in samples of a rate."""

    def __call__(self, chunks: Iterable[bytes], *, rate: int) -> Detections: ...


class Wake(Iterator[Heard]):
    """Iterates over the words that are heard at the microphone. A context manager, which closes it at the end.

    Its microphone is open from the first word that is asked for on, except while `hushd pause` has it closed; then no
    worker lives for it either.

    Args:
        begin: begins a request.
        floor: the claim to wait for a word.
        microphone: opens the device.
        clock: seconds, for how long a request has lived.
    """

    def __init__(
        self,
        begin: Begin,
        floor: Floor,
        microphone: Callable[[], Device],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin = begin
        self._floor = floor
        self._open = microphone
        self._clock = clock
        self._device: Device | None = None
        self._detections: Detections | None = None
        self._closed = False
        self._words = self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __next__(self) -> Heard:
        return next(self._words)

    def close(self) -> None:
        """Closes the microphone and stops waiting. Safe on any thread."""
        self._closed = True
        self._floor.stop()
        self._silence()
        if detections := self._detections:
            detections.close()
        with suppress(ValueError):  # another thread waits for the next word, and finds out
            self._words.close()

    def _silence(self) -> None:
        """Ends the recording: somebody pauses it, or it is over."""
        if device := self._device:
            device.stop()

    def _run(self) -> Generator[Heard]:
        self._floor.on_loss = self._silence
        try:
            with self._floor:
                while not self._closed:
                    self._floor.keep()
                    yield from self._open_ear()
                    if self._floor.held:  # the recording has ended by itself
                        return
        except HushdError:
            if not self._closed:
                raise
        finally:
            self._closed = True

    def _open_ear(self) -> Iterator[Heard]:
        """Yields the words until the microphone is closed."""
        device = self._device = self._open()
        ring = Ring(device)  # which closes it
        try:
            if self._floor.held:  # else it was taken away while it opened
                yield from self._detect(ring)
        finally:
            self._device = None
            device.stop()

    def _detect(self, ring: Ring) -> Iterator[Heard]:
        failures, offset_s = 0, 0.0
        while True:
            begun, known_s = self._clock(), offset_s
            try:
                with self._begin(ring.reader(offset_s), rate=ring.rate) as self._detections:
                    for detection in self._detections:
                        known_s = offset_s + detection.at
                        yield Heard(detection, ring, offset_s)
                return
            except HushdError as error:
                failures = 1 if self._clock() - begun > _STEADY_S else failures + 1
                if error.code not in _AGAIN or failures > _FAILURES or self._closed:
                    raise
                offset_s = max(known_s, ring.now - _AGAIN_S)
