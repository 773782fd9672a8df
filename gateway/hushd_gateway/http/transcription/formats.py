"""Transcripts in OpenAI's formats. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import count

from hushd.transcripts.cues import tokens
from hushd.transcripts.segment import Segment, between, joined
from hushd.transcripts.transcript import Transcript
from hushd.transport.second_hearing import HEARD_AGAIN
from hushd.warnings import CUT_OFF, UNLIKELY
from hushd_models import languages
from hushd_protocol import JsonObject
from hushd_schema.results import ResultWarning, is_label

Object = JsonObject
ALPHABET_LETTERS = 26
_MIN_SHOWN_PROBABILITY = 1e-4  # the lowest probability, since they have four decimals
UNKNOWN = "unknown"  # stands for a language; OpenAI's clients want a string


def as_json(transcript: Transcript, *, logprobs: bool = False) -> Object:
    """`response_format` json."""
    scores = {"logprobs": log_probabilities(transcript)} if logprobs else {}
    warnings = warned(transcript.warnings, transcript.model)
    return {"text": transcript.text, **scores, **warnings, "usage": usage(transcript.duration)}


def as_text(transcript: Transcript) -> str:
    """`response_format` text: one line, with a mark before each segment that is probably wrong."""
    return joined(f"{segment.mark}{segment.text.strip()}" for segment in transcript) + "\n"


def log_probabilities(segments: Iterable[Segment], before: str = "") -> list[Object]:
    """Returns the words whose probability is known as OpenAI's tokens, which join to the text; `before` is the text
    that precedes them."""
    scores: list[Object] = []
    for segment in segments:
        for number, (token, word) in enumerate(zip(tokens(segment), segment.words, strict=False)):
            bare = token.text.strip()
            apart = token.text[:1].isspace() if number else bool(before) and between(before, bare) == " "
            text = f" {bare}" if apart else bare
            before = text
            if word.probability is not None:
                logprob = math.log(max(word.probability, _MIN_SHOWN_PROBABILITY))
                scores.append({"token": text, "logprob": logprob, "bytes": list(text.encode())})
    return scores


def doubts(warnings: Iterable[ResultWarning]) -> list[ResultWarning]:
    """Returns the warnings that every answer carries: its text is not whole, of another track, probably wrong, or heard
    again."""
    return [warning for warning in warnings if warning.code in (CUT_OFF, "other_track", UNLIKELY, HEARD_AGAIN)]


def warned(warnings: Iterable[ResultWarning], model: str = "") -> Object:
    """Returns these for an answer in JSON, and the `model` that has heard it again; nothing where there is neither."""
    doubtful = [warning.data() for warning in doubts(warnings)]
    return ({"model": model} if model else {}) | ({"warnings": doubtful} if doubtful else {})


def verbose(transcript: Transcript, task: str, *, words: bool, segments: bool) -> Object:
    """`response_format` verbose_json; Whisper's own values, which no engine tells, are null.
    The language of a text that is probably wrong is the model's only one, and is not told."""
    unlikely = any(warning.code == UNLIKELY for warning in transcript.warnings)
    answer: Object = {
        "task": task,
        "language": UNKNOWN if unlikely else languages.name(transcript.language).lower(),
        "duration": transcript.duration,
        "text": transcript.text,
    }
    if transcript.language_probability is not None:
        answer["language_probability"] = transcript.language_probability
    if segments:
        answer["segments"] = [_segment(segment) for segment in transcript]
    if words:
        answer["words"] = [
            {"word": word.word.strip(), "start": word.start, "end": word.end}
            for segment in transcript
            for word in segment.words
        ]
    answer |= stretches(transcript.unlikely) | warned(transcript.warnings, transcript.model)
    return answer | {"usage": usage(transcript.duration)}


def stretches(unlikely: Iterable[tuple[float, float]]) -> Object:
    """Returns the stretches whose text is probably wrong as an answer's `unlikely`, if there are any."""
    spans = [{"start": start, "end": end} for start, end in unlikely]
    return {"unlikely": spans} if spans else {}


def diarized(transcript: Transcript, known: Collection[str] = ()) -> Object:
    """`response_format` diarized_json; `known` as for `Speakers`."""
    names = Speakers(known)
    return {
        "task": "transcribe",
        "duration": transcript.duration,
        "text": transcript.text,
        "segments": [names.segment(segment) for segment in transcript],
        **warned(transcript.warnings, transcript.model),
        "usage": usage(transcript.duration),
    }


class Speakers:
    """Names speakers as OpenAI does: known people by name, others A, B and so on in the order of their first words.
    `known`: the names of known people; a single letter is never one."""

    def __init__(self, known: Collection[str] = ()) -> None:
        self._names: dict[str, str] = {}
        self._letters = (letter for letter in map(letters, count()) if letter not in known)

    def segment(self, segment: Segment) -> Object:
        """Returns a segment with its speaker as an object, which is also the event."""
        return {
            "type": "transcript.text.segment",
            "id": f"seg_{segment.id}",
            "start": segment.start,
            "end": segment.end,
            "text": segment.text,
            "speaker": self._name(segment),
            **({"unlikely": True} if segment.unlikely else {}),
        }

    def named(self, segment: Segment) -> Segment:
        """Returns the segment with its speaker's name; without a name while only one speaker was heard."""
        return replace(segment, speaker=self._name(segment) if len(self._names) > 1 else "")

    def _name(self, segment: Segment) -> str:
        if segment.speaker not in self._names:
            self._names[segment.speaker] = next(self._letters) if is_label(segment.speaker) else segment.speaker
        return self._names[segment.speaker]


def unnamed(transcript: Transcript) -> Transcript:
    """Returns a transcript without speakers, for a program that did not ask for them."""
    return replace(transcript, segments=tuple(replace(segment, speaker="") for segment in transcript))


def subtitles(transcript: Transcript) -> Object:
    """Returns the subtitle files as `listen` writes them, to go with another format."""
    return {"subtitles": {form: transcript.render(form) for form in ("srt", "vtt")}}


def usage(seconds: float) -> Object:
    """Returns the usage as for a model billed by the minute."""
    return {"type": "duration", "seconds": math.ceil(seconds)}


def _segment(segment: Segment) -> Object:
    return {
        "id": segment.id,
        "seek": 0,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": [],
        **dict.fromkeys(("temperature", "avg_logprob", "compression_ratio", "no_speech_prob")),
    }


def letters(number: int) -> str:
    """Returns A to Z, then AA, AB and so on."""
    above, last = divmod(number, ALPHABET_LETTERS)
    return (letters(above - 1) if above else "") + chr(ord("A") + last)
