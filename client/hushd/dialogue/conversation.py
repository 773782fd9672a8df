"""A spoken question and its answer, which may begin before the question ends: the one place where loudspeaker,
microphone, floor and both workers meet.

    with client.conversation() as talk:
        answer = talk.converse("Shall I delete the old backups?")
        if talk.said.interrupted:
            print("stopped after", talk.said.characters, "characters by", answer.text)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from hushd_protocol import names
from hushd_protocol.errors import HushdError
from hushd_schema.operations.transcribe import BY_MEANING

from hushd.audio.microphone import MICROPHONE_CHUNK_S as USUAL_CHUNK_S
from hushd.audio.microphone import Microphone, zeros_reason
from hushd.audio.playback import Player
from hushd.audio.playback_buffer import without_tail
from hushd.dialogue.exchange import CancelScope, DialogueState, Event, Phase, Said, characters
from hushd.dialogue.listener import DETECTOR_CHUNK_S, Duplex, Mode
from hushd.transcripts.transcript import Transcript
from hushd.transport.waiting import wait_for

from .listener import TurnListener

if TYPE_CHECKING:
    from hushd_schema.results import OnEvent

    from hushd.dialogue.exchange import DialogueClient
    from hushd.floor import Floor
    from hushd.synthesis.speech import Speech
    from hushd.transcripts.transcript import Transcription
    from hushd.transport.source import Text

Options = Mapping[str, Any]

ANSWER_TIMEOUT_S = 30.0  # seconds to wait for an answer


class Conversation:
    """Says texts and transcribes answers, one at a time; a context manager; any thread may stop it.

    It listens while it speaks where it would not hear itself: with headphones, or with a microphone whose echo the
    sound system cancels. Then a person who begins to speak interrupts it. Else it is half duplex: what is recorded
    while it speaks is ignored.

    Every method raises `HushdError`: `cancelled` when it was stopped here, by `hushd stop`, or by a request
    of higher priority; `no_device`; `no_speech` when nobody answers; and errors of the workers.

    Args:
        mode: `auto`; `half`: never listens while it speaks; `headphones`: the microphone hears no loudspeaker.
        priority: of the floor, as in `Client`.
        loudspeaker, microphone: the devices; None: the default ones.
        speaking, listening: options of `Client.synthesize` and `Client.listen` for every turn.
        duck: whether other programs are quieter while it has loudspeaker or microphone, see `Client.floor`.
        stop: ends it when called; may be shared with other work that ends at the same time.

    Attributes:
        said: how far the last speech got.
        heard: the text of the answer so far, while it listens; its end may still change.
    """

    def __init__(
        self,
        client: DialogueClient,
        *,
        mode: Mode = "auto",
        priority: str = "text",
        loudspeaker: str | int | None = None,
        microphone: str | int | None = None,
        speaking: Options | None = None,
        listening: Options | None = None,
        duck: bool = False,
        stop: CancelScope | None = None,
    ) -> None:
        self._client = client
        self._duplex = Duplex(mode, microphone)
        self._priority = priority
        self._loudspeaker = loudspeaker
        self._speaking = dict(speaking or {})
        self._listening = {"turn_end": BY_MEANING} | dict(listening or {})
        self._duck = duck
        self._floor: Floor | None = None
        self._device = microphone
        self._microphone: Microphone | None = None  # microphone of the last turn
        self._state = ""
        self._changed = threading.Condition()
        self.stop = stop or CancelScope()
        self.said = Said()
        self.heard = ""

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def state(self) -> str:
        """`speaking` or `listening`; `queued` while others hold the devices or the worker still starts."""
        return (self._state if self._floor is None or self._floor.held else "") or "queued"

    @property
    def duplex(self) -> str:
        """`full`: a person can interrupt it; `half`: nobody can, or it is not known yet."""
        return "full" if self._duplex.full else "half"

    def say(self, text: Text, **options: Any) -> Said:
        """Says `text`; returns at its end, or when a person who interrupted it has finished.

        Options: those of `Client.synthesize`.
        """
        self._exchange(text, options, {}, answer=False)
        return self.said

    def converse(self, text: Text, speaking: Options | None = None, listening: Options | None = None) -> Transcript:
        """Says `text` and returns the answer, which may begin before the end; `said` says how far the text got.

        No other program speaks or listens from the first word to the last. The STT worker starts while this speaks, and
        the microphone is open by then, so that the answer may follow at once.

        Args:
            speaking: options of `Client.synthesize`.
            listening: options of `Client.listen`.
        """
        answer = self._exchange(text, speaking or {}, listening or {}, answer=True)
        return answer or Transcript(())

    def listen(self, **options: Any) -> Transcript:
        """Returns what a person says, until they pause. Options: those of `Client.listen`."""
        options = self._listening | options
        self.stop.check()
        self._warm(options)
        self._duplex.detect_mode()
        turn = DialogueState(Phase.WAITING)
        with self._floor_of("microphone") as floor, floor, self._listener(turn, floor, options) as listener:
            return self._answer(turn, listener, options) or Transcript(())

    # --- one exchange ------------------------------------------------------------------------------------------------

    def _exchange(self, text: Text, speaking: Options, listening: Options, *, answer: bool) -> Transcript | None:
        self.stop.check()
        self._duplex.detect_mode()
        full = self._duplex.full
        voice = {"timeline": True} | self._speaking | dict(speaking)
        options = self._listening | dict(listening)
        turn = DialogueState(Phase.SPEAKING)
        with (
            self._making(text, voice) as speech,
            self._floor_of("speaker", *(["microphone"] if full or answer else [])) as floor,
        ):
            speech.wait()  # the other worker's start would delay the first words
            if answer and not full:
                self._warm(options)
            with (
                floor,
                self._listener(turn, floor, options, speaking=True) if full or answer else nullcontext() as listener,
            ):
                self._speak(turn, speech, floor, listener)
                return self._answer(turn, listener, options, needed=answer) if listener else None

    def _speak(self, turn: DialogueState, speech: Speech, floor: Floor, listener: TurnListener | None) -> None:
        """Plays to the end, or until a person interrupts."""
        self._state = "speaking"
        reached = [0.0]  # seconds

        def note(position: float) -> None:
            reached[0] = position

        player = Player(self._loudspeaker, floor, on_position=note)

        def interrupt() -> None:
            player.stop()
            speech.close()

        self._interrupt = interrupt
        if listener is not None and listener.hears_meanwhile:
            listener.listen()
        audio = self._until_stopped(turn, speech)
        if listener is not None and not listener.hears_meanwhile:
            audio = without_tail(audio)
        try:
            with self.stop.ending(player.stop):
                player.play(audio, speech.rate, speech.channels)
        finally:
            self._advance(turn, Event.SAID)
        self.stop.check()
        length = characters(speech, reached[0] if turn.interrupted else None)
        seconds = reached[0] if turn.interrupted else speech.duration
        self.said = Said(turn.interrupted, length, seconds, speech.voice)

    def _until_stopped(self, turn: DialogueState, speech: Speech) -> Iterator[bytes]:
        """Yields the audio. A cancellation by us is not raised, so that the loudspeaker fades out."""
        try:
            yield from speech
        except HushdError:
            if not self.stop.called and not turn.interrupted:
                raise

    def _answer(
        self, turn: DialogueState, listener: TurnListener, options: Options, *, needed: bool = True
    ) -> Transcript | None:
        """Returns the answer, once the loudspeaker is silent; None: there is none, and none is needed."""
        patience = 0.0
        if needed:
            self._state = "listening"
            listener.listen()
            patience = ANSWER_TIMEOUT_S if options.get("no_speech_s") is None else options["no_speech_s"]
        self._wait(turn, patience)
        self.stop.check()
        if turn.heard and (needed or turn.interrupted):
            answer = listener.transcript()
            if turn.interrupted:
                self.said = replace(self.said, heard=answer)
            return answer
        if needed:
            raise HushdError("no_speech", f"Nobody spoke within {patience:g} seconds: {self._doubt()}")
        return None

    def _doubt(self) -> str:
        """Returns what may be wrong with the microphone, as the end of a sentence."""
        if self._microphone is None or not self._microphone.only_zeros:
            return "is the microphone on?"

        reason = zeros_reason()
        return reason[:1].lower() + reason[1:]

    def _wait(self, turn: DialogueState, patience: float) -> None:
        """Returns once the turn is over: an answer has ended, or nobody began to speak for `patience` seconds."""
        with self._changed:
            give_up = time.monotonic() + patience
            while turn.phase is not Phase.OVER:
                if turn.phase is not Phase.WAITING:
                    wait_for(self._changed, lambda: turn.phase in (Phase.WAITING, Phase.OVER))
                elif not wait_for(self._changed, lambda: turn.phase is not Phase.WAITING, give_up - time.monotonic()):
                    turn.advance(Event.NOBODY)

    def _advance(self, turn: DialogueState, event: Event) -> None:
        with self._changed:
            old_phase, phase = turn.phase, turn.advance(event)
            self._changed.notify_all()
        if phase is Phase.INTERRUPTED is not old_phase:
            self._interrupt()

    # --- devices and workers -----------------------------------------------------------------------------------------

    @contextmanager
    def _making(self, text: Text, options: Options) -> Iterator[Speech]:
        """Yields the speech, which is made from here on, also while others still hold the loudspeaker."""
        speech = self._client.synthesize(text, priority=self._priority, keep=False, **options)
        with self.stop.ending(speech.close):
            yield speech

    @contextmanager
    def _floor_of(self, *devices: str) -> Iterator[Floor]:
        """Yields the floor, not entered yet."""
        self._state = ""
        floor = self._floor = self._client.floor(*devices, priority=self._priority, duck=self._duck)
        with self.stop.ending(floor.stop):
            yield floor
        self._floor = None

    @contextmanager
    def _listener(
        self, turn: DialogueState, floor: Floor, options: Options, *, speaking: bool = False
    ) -> Iterator[TurnListener]:
        """Yields the listener, idle as yet; it may listen while something is played, unless it would hear that."""
        meanwhile = speaking and self._duplex.full
        muted = speaking and not meanwhile
        session = {name: value for name, value in options.items() if name != "no_speech_s"}

        def begin(on_event: OnEvent) -> Transcription:
            if muted:
                microphone.unmute()
            return self._client.listen(
                floor.while_held(microphone),
                rate=microphone.rate,
                no_speech_s=0,  # never: we count, from the end of the speech
                on_partial=self._note,
                on_event=on_event,
                **session,
            )

        self.heard = ""
        chunk_s = DETECTOR_CHUNK_S if self._duplex.full else USUAL_CHUNK_S
        with Microphone(self._device, muted=muted, chunk_s=chunk_s) as microphone:
            self._microphone = microphone
            with (
                TurnListener(begin, partial(self._advance, turn), meanwhile) as listener,
                self.stop.ending(listener.close),
            ):
                yield listener

    def _warm(self, options: Options) -> None:
        """Starts the worker that will listen; an error is raised by listening itself."""
        worker = names.worker("stt", options.get("engine"), options.get("model"))
        self._client.preload(worker, wait=False, language=options.get("language"))

    def _note(self, stable: str, text: str) -> None:
        self.heard = stable + text
