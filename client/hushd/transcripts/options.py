"""The options that `transcribe` and `transcribe_stream` share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict, cast


class TranscribeOptions(TypedDict, total=False):
    """Options of a transcription. The engine and the recording decide what is left out or None.

    Attributes:
        language: the spoken one, such as `en` or `English`; None: the model's only one, or the one it detects.
        task: `transcribe`, or `translate` into English where the engine can.
        prompt: text that came before, for names and style.
        hotwords: words to expect, as a list or separated by commas.
        beam_size: hypotheses followed at once, 1 to 100.
        temperature: 0 is the likeliest text, 1 the freest.
        word_times: whether `Segment.words` is wanted; engines that know no word times leave it empty.
        diarize: whether `Segment.speaker` is wanted.
        speakers: the number of people who speak; 0: it is estimated.
        min_silence_s: seconds of quiet that end a segment.
        speech_pad_s: seconds of quiet kept around speech.
        max_segment_s: seconds after which a segment is cut even where nobody pauses.
        audio_track: which track of a film, from 1; None: the first one with speech.
        start_s: seconds of the recording to leave out; times stay those of the whole.
        clips: parts of the recording: start, end, start, end, … in ascending seconds; the last end may be left out.
        decoder: options of Whisper's decoder, such as `no_speech_threshold` (docs/PROTOCOL.md).
    """

    language: str | None
    task: str | None
    prompt: str | None
    hotwords: str | Iterable[str] | None
    beam_size: int | None
    temperature: float | None
    word_times: bool
    diarize: bool
    speakers: int | None
    min_silence_s: float | None
    speech_pad_s: float | None
    max_segment_s: float | None
    audio_track: int | None
    start_s: float | None
    clips: Iterable[float] | None
    decoder: Mapping[str, Any] | None


def transcribe_params(options: TranscribeOptions) -> dict[str, Any]:
    """Returns the options as a request carries them, without those that are left out.

    Raises:
        TypeError: for a name that is no option.
    """
    given = cast(Mapping[str, Any], options)
    if unknown := [name for name in given if name not in TranscribeOptions.__annotations__]:
        raise TypeError(
            f"transcribe has no option {unknown[0]!r}: it takes {', '.join(TranscribeOptions.__annotations__)}"
        )
    wanted = {name: value for name, value in given.items() if value is not None and value is not False}
    if not isinstance(hotwords := wanted.get("hotwords", ""), str):
        wanted["hotwords"] = ", ".join(hotwords)
    if "clips" in wanted:
        wanted["clips"] = list(wanted["clips"])
    return wanted


def live_params(
    options: TranscribeOptions,
    *,
    rate: int,
    channels: int,
    continuous: bool,
    silence_s: float,
    no_speech_s: float | None,
    echo: bool,
) -> dict[str, Any]:
    """Returns the parameters of live audio. Arguments: those of `Client.listen`. Raises as `transcribe_params`."""
    params = transcribe_params(options) | {
        "format": "s16le", "rate": rate, "channels": channels,
        "live": True, "continuous": continuous, "silence_s": silence_s,
    }  # fmt: skip
    if no_speech_s is not None:
        params["no_speech_s"] = no_speech_s
    if echo:
        params["echo"] = True
    return params
