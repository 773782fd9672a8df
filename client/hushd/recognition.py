"""Speech to text, and the choice of its model: a part of `hushd.Client`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Unpack

from .management import Management
from .transport.source import Stream
from .transport.steps import run

if TYPE_CHECKING:
    from .audio.source import Audio
    from .exchange.options import ListenOptions, TranscriptionOptions, WorkerOptions
    from .models.choice import ModelChoice
    from .transcripts.transcript import Transcript
    from .transcripts.transcription import Transcription


class Recognition(Management):
    """Transcribes recordings and live audio; a base of `hushd.Client`. Every method raises `HushdError`."""

    def transcribe(self, audio: Audio, **options: Unpack[TranscriptionOptions]) -> Transcript:
        """Returns the whole transcript of `audio`. Arguments: those of `transcribe_stream`."""
        return self.transcribe_stream(audio, **options).transcript()

    def transcribe_stream(self, audio: Audio, **options: Unpack[TranscriptionOptions]) -> Transcription:
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
        from .audio.source import is_array, of_audio  # not for who speaks

        input = of_audio(audio, options.get("rate"))
        return run(self._transcription(_transcription_class, input, is_array=is_array(audio), **options))

    def listen(self, chunks: Iterable[bytes], **options: Unpack[ListenOptions]) -> Transcription:
        """Transcribes one utterance of live audio; ends by itself after `silence_s` seconds of silence, 0.8 by default.

        With `continuous` it transcribes one utterance after the other, a segment each, until `chunks` end.

        Args:
            chunks: s16le samples as they are recorded, such as a `Microphone` yields; read in another thread.
            rate, channels: of the samples; by default 16000 Hz and 1.
            model: one of the engine's; without an engine, as `find_model` finds it; or `auto`: see `choose_model`.
            speed: of the model with `auto`: `fast` (the default), `medium` or `slow`.
            turn_end: `meaning`: a sentence that is not finished is waited for, up to 2 s of silence.
            until: words, such as `over`, that end it where an utterance ends with them, and are not in the text. Pauses
                do not end it then, and `no_speech_s` of silence after the first utterance does.
            no_speech_s: seconds in which somebody must begin to speak, 30 by default. With `continuous`, seconds of
                silence that end the session; by default no silence does.
            on_partial: called while iterating with the unfinished utterance in two parts: text that will not change
                before its segment comes, and the text behind it, which may.
            on_event: called while iterating with `began` as soon as somebody speaks, before there is any text, with
                `ended` after the last segment of their utterance, with `nothing` when it was a cough, and with
                `speaker` and `revised`: see docs/PROTOCOL.md.
            on_revised: called while iterating, with `diarize`, with segments whose speaker turns out to be another.
            options: also engine, keep_alive, priority; language, task, prompt and more: see `TranscribeOptions`.

        Raises:
            HushdError: `no_speech` when nobody has begun to speak in time.
        """
        return run(self._session(_transcription_class, Stream(chunks), **options))

    def voiceprints(
        self, recordings: Mapping[str, Audio] | None = None, **options: Unpack[WorkerOptions]
    ) -> dict[str, str]:
        """Returns the voiceprint in each recording, by the speaker's name: `people` of a transcription with `diarize`.

        In a recording one person speaks, for 2 to 30 seconds. Nothing of it is kept.

        Args:
            recordings: as `transcribe` takes them; None: those of the setting `[speakers]`.

        Raises:
            HushdError: `bad_request` for a recording without one voice.
        """
        from .transcripts import known_speakers

        return {
            name: known_speakers.voiceprint(name, self.transcribe(audio, diarize=True, voiceprints=True, **options))
            for name, audio in (known_speakers.configured() if recordings is None else recordings).items()
        }

    def choose_model(
        self,
        language: str | None = None,
        *,
        speed: str | None = None,
        engine: str | None = None,
        translate: bool = False,
    ) -> ModelChoice:
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
        return run(self._preparation.choose_model(language, speed, engine, translate))

    def find_model(self, name: str) -> tuple[str, str]:
        """Returns engine and model of a bare name such as `turbo`: of the engines that have it, the lightest installed.

        Raises:
            HushdError: `model_missing`, with the command that gets it.
        """
        return run(self._preparation.find_model(name))


def _transcription_class() -> type[Transcription]:
    from .transcripts.transcription import Transcription

    return Transcription
