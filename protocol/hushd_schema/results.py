"""The answers of workers: what a loaded engine can do, the results of `synthesize` and `transcribe`, and what comes
before them.

Times are seconds of the speech, or from the start of the audio, to the millisecond; positions are characters (code
points) of the text in the request. A voiceprint is a text that describes a voice, by which hushd recognises people: the
name of the model that made it, a colon, and the base64 of its numbers, little-endian, 16 bits each. The voice cannot be
reconstructed from it.
"""

from __future__ import annotations

import binascii
import unicodedata
from collections.abc import Callable, Mapping
from typing import Annotated, Required, TypeAlias, TypedDict

from hushd_protocol.values import Finite
from msgspec import Meta

from .kinds import Rule
from .record import OfWorker, Record

VOICEPRINT_MODEL = "community-1"  # pyannote/speaker-diarization-community-1, the only model so far
_NUMBERS = 256
MAX_PEOPLE = 64  # people of one request, so that their voiceprints fit into its header
_MAX_SPEAKER_NAME_CHARACTERS = 64  # characters
_LABEL = "SPEAKER_"  # the beginning of unknown speakers' labels


class Capabilities(Record, frozen=True, kw_only=True):
    """The abilities of a loaded worker; an engine reports those that apply.

    Attributes:
        languages: the tags of the languages that its model recognises.
        streaming: whether there is text before an utterance has ended.
        word_times: whether it can time each word.
        voices: the names of the installed voices.
        compute_device: `cpu`, `cuda`, `rocm`, `vulkan` or `mps`; empty if the engine cannot tell.
        why_there: the reason why it does not compute on a graphics card; empty for none.
        leave_s: the seconds that the programs which it has started may need to end.
        confined: whether its process has given up what it does not need, see docs/SECURITY.md.
    """

    engine: str = ""
    model: str = ""
    languages: tuple[str, ...] = ()
    streaming: bool = False
    word_times: bool = False
    voices: tuple[str, ...] = ()
    compute_device: str = ""
    why_there: str = ""
    leave_s: Finite = 0.0
    confined: bool = False


class ResultWarning(Record, frozen=True, kw_only=True):
    """A reason to doubt a result: `code` for programs, such as `unlikely_text`, and a sentence for people."""

    code: str
    message: str


class Warned(OfWorker, frozen=True, kw_only=True):
    """A result that may have warnings."""

    warnings: tuple[ResultWarning, ...] = ()


# --- synthesize ---


class Spoken(OfWorker, frozen=True, kw_only=True):
    """A part of the text, by its characters, with its time in the speech."""

    start: Finite
    end: Finite
    text_start: int
    text_end: int


class Sentence(Spoken, frozen=True, kw_only=True):
    """A sentence, or a part of one that is spoken at once.

    Attributes:
        kind: `sentence`.
        estimated: whether the words' times are estimated by their letters.
    """

    kind: str
    words: tuple[Spoken, ...]
    estimated: bool


class SpeechResult(Warned, frozen=True, kw_only=True):
    """The result of `synthesize`.

    Attributes:
        rate: the sample rate in Hz.
        speed: the speed of the speech; 1 is natural.
    """

    duration: Finite
    rate: int
    voice: str
    speed: Finite
    sentences: int


# --- transcribe ---


class WordData(Record, frozen=True, kw_only=True):
    """A word with its times; `probability` is the model's, None if it has none."""

    word: str
    start: Finite
    end: Finite
    probability: Finite | None = None


class SegmentData(OfWorker, frozen=True, kw_only=True):
    """A sentence or phrase.

    Attributes:
        kind: `segment`; live events have other kinds.
        id: its number in the answer, from 0.
        speaker: the speaker, such as `SPEAKER_00`; empty without `diarize`.
        words: its words; none if the engine cannot time them.
        rest: the start of a request for the audio after it; None for live audio.
        language, language_probability: as in the result, as far as they are known.
        unlikely: whether its text is probably wrong.
        unjudged: whether that is not known yet: an event `judged` follows.
    """

    kind: str
    id: int
    start: Finite
    end: Finite
    text: str
    speaker: str = ""
    words: tuple[WordData, ...] = ()
    rest: Finite | None = None
    language: str = ""
    language_probability: Finite | None = None
    unlikely: bool = False
    unjudged: bool = False


class Stretch(Record, frozen=True, kw_only=True):
    """A part of a recording."""

    start: Finite
    end: Finite


class SpeakerVoice(Record, frozen=True, kw_only=True):
    """A speaker's voiceprint, and the seconds of speech from which it was made."""

    speaker: str
    voiceprint: str
    seconds: Finite


class TranscriptResult(Warned, frozen=True, kw_only=True):
    """The result of `transcribe`.

    Attributes:
        language: the language; empty if unknown.
        language_probability: the probability, from 0 to 1, of a language that a model has detected.
        duration: the length of the audio.
        segments: the number of segments.
        ended: the end of live audio: `input`, `endpoint` or `silence`.
        unlikely: the stretches whose text is probably wrong.
        speakers: the number of speakers; None without `diarize`.
        voices: the speakers' voices, in the order in which they first speak; none unless requested.
        model: ENGINE/NAME that has heard it again; empty where the usual model's text stands.
    """

    language: str
    duration: Finite
    segments: int
    language_probability: Finite | None = None
    ended: str = ""
    unlikely: tuple[Stretch, ...] = ()
    speakers: int | None = None
    voices: tuple[SpeakerVoice, ...] = ()
    model: str = ""


class LiveEvent(TypedDict, total=False):
    """An event of live audio besides segments; programs get it as it is sent.

    Attributes:
        kind: `began`, `ended`, `nothing`, `unstable` or `judged`.
        start: in `began`, the start of speech.
        unlikely, doubtful: in `judged`, whether the segments that came `unjudged` are probably wrong, or so few words
            that another model should hear them.
        stable, text: in `unstable`, the final part of the text, and all of the text so far.
    """

    kind: Required[str]
    start: float
    unlikely: bool
    doubtful: bool
    stable: str
    text: str


OnEvent = Callable[[str, LiveEvent], None]  # takes the kind and the event


# --- voiceprints ---


def is_label(speaker: str) -> bool:
    """Returns whether a speaker's name is only the label of an unknown person."""
    return speaker.startswith(_LABEL)


def is_name(name: object) -> bool:
    """Returns whether `name` can be a person's name: one line of visible text, and not an unknown speaker's label."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= _MAX_SPEAKER_NAME_CHARACTERS
        and name == name.strip()
        and name.isprintable()
        and unicodedata.is_normalized("NFC", name)
        and not name.upper().startswith(_LABEL)
    )


def is_voiceprint(text: object) -> bool:
    """Returns whether `text` is a voiceprint of `VOICEPRINT_MODEL`."""
    if not isinstance(text, str) or not text.startswith(f"{VOICEPRINT_MODEL}:") or not text.isascii():
        return False
    try:
        return len(binascii.a2b_base64(text[len(VOICEPRINT_MODEL) + 1 :], strict_mode=True)) == 2 * _NUMBERS
    except binascii.Error:
        return False


def _are_people(people: Mapping[str, str]) -> bool:
    return all(map(is_name, people)) and all(map(is_voiceprint, people.values()))


People: TypeAlias = Annotated[
    Mapping[str, str],
    Meta(max_length=MAX_PEOPLE),
    Rule(f"a table of at most {MAX_PEOPLE} names, each with a voiceprint of {VOICEPRINT_MODEL}", _are_people),
]
