"""Saying something and hearing the answer, half duplex: the one place where loudspeaker, microphone, floor and both
workers meet.

    dialogue = Dialogue(client)
    transcript = dialogue.converse("Shall I delete the old backups?")
    print(transcript.text)
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hushd_protocol.errors import HushdError

from .client import Client
from .playback import play
from .results import Transcript
from .stop import Stop

if TYPE_CHECKING:
    from .floor import Floor
    from .microphone import Microphone
    from .speech import Speech

Options = Mapping[str, Any]

QUIET = 100  # of a sample, -50 dB: no word is lost below
TAIL_S = 0.05  # of quiet kept behind the last word: loudspeakers take so long to say that they are done


class Dialogue:
    """A program's turns at loudspeaker and microphone, one at a time; they may be stopped from any thread.

    What is recorded while hushd itself speaks is thrown away: without echo cancellation it would hear itself.

    Every method raises `HushdError`: `cancelled` when it was stopped here, by `hushd stop-speaking`, or by something
    more urgent, `no_device`, `no_speech` when nobody answers, and what the workers raise.

    Args:
        priority: of the floor, as in `Client`.
        loudspeaker, microphone: the devices; None: the usual ones.
        stop: what ends it; shared with what else is to end with it.

    Attributes:
        heard: what was said so far, while `listen` listens; its end may still change.
    """

    def __init__(
        self,
        client: Client,
        *,
        priority: str = "text",
        loudspeaker: str | int | None = None,
        microphone: str | int | None = None,
        stop: Stop | None = None,
    ) -> None:
        self._client = client
        self._priority = priority
        self._loudspeaker = loudspeaker
        self._microphone = microphone
        self._floor: Floor | None = None
        self._phase = ""
        self.stop = stop or Stop()
        self.heard = ""

    @property
    def state(self) -> str:
        """`speaking` or `listening`; `queued` while others have the devices or the worker still starts."""
        return self._phase if self._floor is not None and self._floor.held else "queued"

    def speak(self, text: str, **options: Any) -> Speech:
        """Says `text`; returns when it was heard. Options: those of `Client.synthesize`."""
        with self._making(text, options) as speech, self._floor_of("speaker") as floor:
            self._play(speech, floor)
            return speech

    def listen(self, **options: Any) -> Transcript:
        """What somebody says now, until they pause. Options: those of `Client.listen`."""
        from .microphone import Microphone

        self._warm(options)
        with self._floor_of("microphone") as floor, floor, Microphone(self._microphone) as microphone:
            return self._hear(microphone, floor, options)

    def converse(self, text: str, speaking: Options | None = None, listening: Options | None = None) -> Transcript:
        """Says `text` and returns what is answered.

        Nobody else speaks or listens from the first word to the last. The STT worker starts while this speaks, and
        the microphone is open by then, so that the answer may follow at once.

        Args:
            speaking: options of `Client.synthesize`.
            listening: options of `Client.listen`.
        """
        from .microphone import Microphone

        listening = listening or {}
        with self._making(text, speaking or {}) as speech, self._floor_of("speaker", "microphone") as floor:
            _ = speech.rate  # known with the first words: the other worker is not to delay them
            self._warm(listening)
            with floor, Microphone(self._microphone, muted=True) as microphone:
                self._play(speech, floor, to_the_end=False)
                microphone.unmute()
                return self._hear(microphone, floor, listening)

    # --- inside ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _making(self, text: str, options: Options) -> Iterator[Speech]:
        """The speech, which is made from here on, also while others still have the loudspeaker."""
        self.stop.check()
        speech = self._client.synthesize(text, priority=self._priority, **options)
        with self.stop.ending(speech.close):
            yield speech

    @contextmanager
    def _floor_of(self, *devices: str) -> Iterator[Floor]:
        """The floor, not entered yet."""
        floor = self._floor = self._client.floor(*devices, priority=self._priority)
        with self.stop.ending(floor.stop):
            yield floor

    def _warm(self, options: Options) -> None:
        """Starts the worker that will listen; where that fails, listening says so."""
        worker = "/".join(part for part in ("stt", options.get("engine"), options.get("model")) if part)
        self._client.preload(worker, wait=False)

    def _play(self, speech: Speech, floor: Floor, *, to_the_end: bool = True) -> None:
        rate, channels = speech.rate, speech.channels
        chunks = self._until_stopped(speech)
        with floor:
            self._phase = "speaking"
            play(
                chunks if to_the_end else without_tail(chunks, rate * channels),
                rate,
                channels,
                self._loudspeaker,
                floor,
            )
        self.stop.check()

    def _until_stopped(self, speech: Speech) -> Iterator[bytes]:
        """The audio. A stop is no failure of it, so that what is in the loudspeaker's buffer fades out."""
        try:
            yield from speech
        except HushdError:
            if not self.stop.called:
                raise

    def _hear(self, microphone: Microphone, floor: Floor, options: Options) -> Transcript:
        self._phase = "listening"
        self.heard = ""
        chunks = floor.while_held(microphone)
        transcription = self._client.listen(chunks, rate=microphone.rate, on_partial=self._note, **options)
        with self.stop.ending(transcription.close):
            return transcription.transcript()

    def _note(self, stable: str, text: str) -> None:
        self.heard = stable + text


def without_tail(chunks: Iterable[bytes], rate: int) -> Iterator[bytes]:
    """s16le samples, so many a second, without the quiet at their end, in which an answer would go unheard.

    Voices leave up to half a second there.
    """
    held = b""
    for chunk in chunks:
        end = _loud_end(chunk)
        if end:
            yield held + chunk[:end]
            held = b""
        held += chunk[end:]
    yield held[: 2 * int(TAIL_S * rate)]


def _loud_end(chunk: bytes) -> int:
    """How many bytes there are up to the last sample that is heard."""
    samples = array("h", chunk)
    for index in range(len(samples) - 1, -1, -1):
        if not -QUIET < samples[index] < QUIET:
            return 2 * index + 2
    return 0
