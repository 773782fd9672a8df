"""The verbs of speech: from text, and to text; and the speakers whom a transcription with `diarize` calls by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, Unpack

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.description import Descriptions
from hushd_schema.settings import load

from hushd.audio.audio_source import is_array
from hushd.synthesis.speech import IncomingSpeech
from hushd.transcripts.transcript import IncomingTranscript
from hushd.transport.second_hearing import SecondHearing
from hushd.transport.source import Input
from hushd.transport.steps import Step, Steps, verb
from hushd.verbs import requests
from hushd.verbs.base import ClientBase

if TYPE_CHECKING:
    from hushd_models.choice.models import ModelChoice
    from hushd_models.choice.voices import VoiceChoice
    from hushd_schema.description import Voice

    from hushd.transcripts.transcript import Transcript
    from hushd.transport.retry import RetryingCall
    from hushd.verbs.options import ListenOptions, SayOptions, SpeechOptions, TranscriptionOptions, WorkerOptions

# The faces differ in what they take, and in the class of what is still being made.
AnyText = TypeVar("AnyText")
AnyAudio = TypeVar("AnyAudio")
AnyChunks = TypeVar("AnyChunks")
AnySpeech = TypeVar("AnySpeech", bound="IncomingSpeech")
AnyTranscription = TypeVar("AnyTranscription", bound="IncomingTranscript")


class SpeechVerbs(ClientBase, Generic[AnyText, AnyAudio, AnyChunks, AnySpeech, AnyTranscription]):
    """Speech from text and to text; a base of both clients. Every verb raises `HushdError`."""

    @property
    def passed_over(self) -> tuple[VoiceChoice, float] | None:
        """The voice that a speech would have had, were it not slower than real time on this machine, and its measured
        pace; 0.0 where a voice that is no slower was measured instead."""
        return self._preparation.passed_over

    @verb
    def synthesize(self, text: AnyText, **options: Unpack[SpeechOptions]) -> Steps[AnySpeech]:
        """Returns speech while it is made, sentence by sentence.

        Args:
            text: a string, UTF-8 bytes, or an iterable of either, which is read in another thread while it is written.
            format: `s16le`, the default, for raw samples, or a kind of file such as `wav` or `mp3` for a file's bytes.
            deadline: seconds after which the request is given up.
            on_sentence: called while iterating, before each sentence's audio, with its times and those of its words.
            timeline: whether `timeline`, `cues` and `transcript` of the speech have these, as with `on_sentence`.
            keep: whether the speech can be saved, played or turned into an array more than once, as by default; False
                for hours of speech that are used once.
            options: also engine, model, keep_alive, priority; voice, language, pace, markup and more: see
                `SynthesizeOptions`.
        """
        return self._spoken(text, **options)

    @verb
    def say(self, text: AnyText, *, device: str | int | None = None, **options: Unpack[SayOptions]) -> Steps[None]:
        """Speaks `text` aloud, as the command `say` does; returns when the last word was heard.

        It waits while another program speaks, and `hushd stop` ends it with `cancelled`.

        Args:
            text: as for `synthesize`; an iterable is spoken while it is written.
            device: the loudspeaker's number, its name or the beginning of its name; None: the usual one.
            options: engine, model, keep_alive, priority; voice, language, pace, markup and more: see
                `SynthesizeOptions`.
        """
        speech = yield from self._spoken(text, keep=False, **options)
        try:
            yield from IncomingSpeech.play(speech, device)
        finally:
            speech.close()

    @verb
    def voices(self) -> Steps[list[Voice]]:
        """Returns the voices of all engines, installed or not."""
        return Descriptions.from_data((yield from self._controlled("describe", "tts"))).tts.voices()

    @verb
    def transcribe(self, audio: AnyAudio, **options: Unpack[TranscriptionOptions]) -> Steps[Transcript]:
        """Returns the whole transcript of `audio`. Arguments: those of `transcribe_stream`."""
        heard = yield from self._heard(audio, **options)
        return (yield from IncomingTranscript.transcript(heard))  # its steps: `heard.transcript` would run them here

    @verb
    def transcribe_stream(self, audio: AnyAudio, **options: Unpack[TranscriptionOptions]) -> Steps[AnyTranscription]:
        """Returns an iterator over the segments, each as soon as it is known.

        Args:
            audio: a path; a file's bytes; an iterable of bytes such as a binary file, read in another thread; or an
                array of float32, float64 or int16 samples, of shape (frames,) or (frames, channels).
            rate: Hz, of an array, or when the bytes are raw s16le samples; None when they are a sound file's.
            channels: of raw s16le samples, by default 1; an array's shape says its own.
            model: one of the engine's; without an engine, as `find_model` finds it; or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast`, `medium` (the default) or `slow`.
            deadline: seconds after which the request is given up.
            on_progress: called with the seconds done and in all, while iterating.
            options: also engine, keep_alive, priority; language, task, prompt, words, speakers and more: see
                `TranscribeOptions`.
        """
        return self._heard(audio, **options)

    @verb
    def listen(self, chunks: AnyChunks, **options: Unpack[ListenOptions]) -> Steps[AnyTranscription]:
        """Transcribes one utterance of live audio; ends by itself after `silence_s` seconds of silence, 0.8 by default.
        Raises `no_speech` when nobody has begun to speak in time.

        With `continuous` it transcribes one utterance after the other, a segment each, until `chunks` end.

        Args:
            chunks: s16le samples as they are recorded, such as a `Microphone` yields; read in another thread.
            rate, channels: of the samples; by default 16000 Hz and 1.
            model: one of the engine's; without an engine, as `find_model` finds it; or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast` (the default), `medium` or `slow`.
            turn_end: `meaning`: a sentence that is not finished is waited for, up to 2 s of silence.
            end_word: a word, such as "over", that ends an utterance too, and is cut.
            no_speech_s: seconds in which somebody must begin to speak, 30 by default. With `continuous`, seconds of
                silence that end the session; by default no silence does.
            on_partial: called while iterating with the unfinished utterance in two parts: text that will not change
                before its segment comes, and the text behind it, which may.
            on_event: called while iterating with `began` as soon as somebody speaks, before there is any text, with
                `ended` after the last segment of their utterance, and with `nothing` when it was a cough.
            options: also engine, keep_alive, priority; language, task, prompt and more: see `TranscribeOptions`.
        """
        return self._session(self._chunks(chunks), **options)

    @verb
    def voiceprints(
        self, recordings: Mapping[str, AnyAudio] | None = None, **options: Unpack[WorkerOptions]
    ) -> Steps[dict[str, str]]:
        """Returns the voiceprint in each recording, by the speaker's name: `people` of a transcription with `diarize`.
        Raises `bad_request` for a recording without one voice.

        In a recording one person speaks, for 2 to 30 seconds. Nothing of it is kept.

        Args:
            recordings: as `transcribe` takes them; None: those of the setting `[speakers]`.
        """
        voiceprints = {}
        given: Mapping[str, Any] = configured() if recordings is None else recordings
        for name, audio in given.items():
            transcript = yield from SpeechVerbs.transcribe(self, audio, diarize=True, voiceprints=True, **options)
            voiceprints[name] = voiceprint(name, transcript)
        return voiceprints

    @verb
    def choose_model(
        self,
        language: str | None = None,
        *,
        speed: str | None = None,
        engine: str | None = None,
        translate: bool = False,
    ) -> Steps[ModelChoice]:
        """Chooses the model for `model="auto"`: the best installed one that knows `language`, is no slower than `speed`
        (`fast`, `medium`, `slow`; None: medium) and fits into memory; where memory is short, a smaller one.

        Returns `engine`, `model` and `why`, a sentence.

        Args:
            language: such as `de` or `German`; None: a model that detects the language, if one is installed.
            engine: considers this engine's models only.

        Raises:
            HushdError: `model_missing` when no installed model knows the language; `engine_missing`; `bad_request` for
                an error in the configuration's models.
        """
        return self._preparation.choose_model(language, speed, engine, translates=translate)

    @verb
    def find_model(self, name: str) -> Steps[tuple[str, str]]:
        """Returns engine and model of ENGINE/NAME, and of a bare name such as `turbo`: of the engines that have it, the
        lightest installed. Raises `model_missing`, with the command that gets it."""
        return self._preparation.find_model(name)

    # --- what the faces differ in ------------------------------------------------------------------------------------

    def _text(self, text: AnyText) -> Input:
        raise NotImplementedError

    def _audio(self, audio: AnyAudio, rate: int | None) -> Step:
        """A step that brings the source of a recording."""
        raise NotImplementedError

    def _chunks(self, chunks: AnyChunks) -> Input:
        raise NotImplementedError

    def _speech_class(self) -> Callable[..., AnySpeech]:
        """Imports the class of speech that is being made, while the worker works."""
        raise NotImplementedError

    def _transcription_class(self) -> Callable[..., AnyTranscription]:
        """Imports the class of a transcript that is being made, while the worker works."""
        raise NotImplementedError

    # --- procedures --------------------------------------------------------------------------------------------------

    def _spoken(
        self,
        text: AnyText,
        *,
        format: str = "s16le",
        on_sentence: Callable[..., None] | None = None,
        keep: bool = True,
        **options: Any,
    ) -> Steps[AnySpeech]:
        """See `Client.synthesize`."""
        timed = on_sentence is not None or bool(options.get("timeline"))
        source = self._text(text)
        shared = requests.take_shared(options)
        params = requests.speech_params(options, format, timeline=timed)  # type: ignore[arg-type]
        usual = params.get("default_voice") or params.get("voice")
        request = yield from self._preparation.speech(params, shared)
        voiced = partial(self._preparation.in_language, usual=usual, shared=shared)
        call = yield from self._send(request, source, voiced)
        floor = partial(self._claim, ("speaker",), request.priority)
        return self._speech_class()(call, format, on_sentence, floor=floor, keep=keep, text=source.kept)

    def _heard(
        self,
        audio: AnyAudio,
        *,
        rate: int | None = None,
        channels: int = 1,
        speed: str | None = None,
        on_progress: Callable[[float, float], None] | None = None,
        **options: Any,
    ) -> Steps[AnyTranscription]:
        """See `Client.transcribe_stream`."""
        source = yield self._audio(audio, rate)
        shared = requests.take_shared(options)
        params = requests.transcribe_params(options)  # type: ignore[arg-type]
        if rate is not None and not is_array(audio):
            params |= {"format": "s16le", "rate": rate, "channels": channels}
        request = yield from self._preparation.transcription(params, speed, shared)
        call = self._heard_again((yield from self._send(request, source)), speed, shared)
        return self._transcription_class()(call, on_progress, diarized=bool(options.get("diarize")))

    def _session(
        self,
        audio: Input,
        *,
        speed: str | None = None,
        on_partial: Callable[[str, str], None] | None = None,
        on_event: Callable[..., object] | None = None,
        **options: Any,
    ) -> Steps[AnyTranscription]:
        """See `Client.listen`."""
        shared, live = requests.take_shared(options), requests.take_live_params(options)
        params = requests.transcribe_params(options) | live  # type: ignore[arg-type]
        request = yield from self._preparation.transcription(params, speed or "fast", shared, session=True)
        call = self._heard_again((yield from self._send(request, audio)), speed or "fast", shared)
        return self._transcription_class()(call, None, on_partial, on_event)

    def _heard_again(self, call: RetryingCall, speed: str | None, shared: Mapping[str, Any]) -> SecondHearing:
        """Returns a transcription that another model may hear again."""
        look = partial(self._preparation.may_hear_again, call.request, here=self.link.is_local)
        unnamed = not (call.request.params.get("language") or shared.get("engine") or shared.get("model"))
        return SecondHearing(call, look, partial(self._preparation.second_hearing, speed=speed), unnamed=unnamed)


MIN_S, MAX_S = 2.0, 30.0  # seconds of a recording


def configured() -> dict[str, str]:
    """Returns the recordings of the setting `[speakers]`, by name; relative paths begin at the configuration's folder.
    Raises `bad_request` for an error in the configuration."""
    config = paths.find().config
    speakers = load(config).speakers
    return {name: os.path.join(config.parent, os.path.expanduser(path)) for name, path in speakers.items()}


def voiceprint(name: str, transcript: Transcript) -> str:
    """Returns the voiceprint of the one person who speaks in a recording. Raises `bad_request` if it is too short or
    too long, or nobody speaks, or several people do.
    `transcript`: of the recording, with `voiceprints`."""
    if not MIN_S <= transcript.duration <= MAX_S:
        raise HushdError(
            "bad_request",
            f"The recording of {name} takes {transcript.duration:.1f} s: {MIN_S:g} to {MAX_S:g} s are needed.",
        )
    if len(transcript.voices) != 1:
        heard = "Nobody speaks" if not transcript.voices else f"{len(transcript.voices)} people speak"
        raise HushdError("bad_request", f"{heard} in the recording of {name}: one person alone is needed.")
    return transcript.voices[0].voiceprint
