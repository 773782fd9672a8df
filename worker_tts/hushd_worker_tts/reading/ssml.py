"""Reads the common subset of SSML while it arrives.

Elements: speak, p, s, break, prosody (rate, volume), say-as, sub, phoneme (in ipa; else its text), emphasis,
voice, lang and w (their text), audio (its alternative text), desc and metadata (nothing), mark. What a voice cannot
change (pitch, emphasis) is ignored; an element or value that SSML does not have is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NoReturn
from xml.parsers import expat

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass

from .items import Event, MappedText, Pause, Rate, SentenceEnd, Speaker, Volume
from .pronunciation import said

_DEEPEST = 64
_MAX_TAG = 65536  # bytes
_MAX_PAUSE_S = 60.0
_TEXT = frozenset(
    ("speak", "p", "s", "emphasis", "lang", "phoneme", "w", "token", "audio", "mark", "lexicon", "lookup")
)
_SILENT = frozenset(("desc", "metadata", "meta"))
_STRENGTHS = {"none": 0.0, "x-weak": 0.0, "weak": 0.15, "medium": 0.35, "strong": 0.7, "x-strong": 1.2}
_RATES = {"x-slow": 0.5, "slow": 0.75, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6}
_VOLUMES = {"silent": 0.0, "x-soft": 0.3, "soft": 0.6, "medium": 1.0, "default": 1.0, "loud": 1.4, "x-loud": 1.8}
_TIME = re.compile(r"\+?(\d{1,7}(?:\.\d*)?|\.\d+)(ms|s)")
_PERCENT = re.compile(r"([+-]?)(\d{1,4}(?:\.\d*)?)(%?)")
_DECIBELS = re.compile(r"([+-]?\d{1,3}(?:\.\d*)?)dB", re.IGNORECASE)

_ORDINALS = {"fr": "e", "pt": "º", "de": ".", "es": "º"}  # English has several


@dataclass(slots=True)
class _Open:
    """An open element, with the rate, volume and voice from before it.

    Attributes:
        instead: from its text to the words to speak; None: the text itself is spoken, as it arrives.
    """

    name: str
    rate: float
    volume: float
    speaker: Speaker
    instead: Callable[[str], str] | None


class Ssml:
    """Reads SSML as it arrives; only keeps an incomplete tag and the text of one say-as, sub or phoneme.

    Args:
        language: the voice's language.
        phonemes: whether the engine reads phonemes.

    Raises (from `add`):
        HushdError: `bad_request`, with the line and column of the mistake.
    """

    def __init__(self, language: str = "en", phonemes: bool = False) -> None:
        self._language, self._phonemes = language, phonemes
        # This overrides the declaration: programs that hold a text as UTF-16 declare that, but send UTF-8.
        self._parser = expat.ParserCreate("utf-8", namespace_separator=None)
        self._parser.buffer_text = False
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity
        self._parser.StartCdataSectionHandler = lambda: self._cdata(True)
        self._parser.EndCdataSectionHandler = lambda: self._cdata(False)
        self._open: list[_Open] = []
        self._rate, self._volume, self._speaker = 1.0, 1.0, Speaker()
        self._collected: MappedText | None = None  # the text of an element with other words to speak
        self._silent = 0
        self._verbatim = False
        self._events: list[Event] = []
        self._source = bytearray()  # the bytes from _base on, which expat may still refer to
        self._base = self._base_character = 0
        self._fed = 0

    def add(self, text: str, final: bool = False) -> Iterator[Event]:
        data = text.encode("utf-8", "replace")
        self._source += data
        self._fed += len(data)
        try:
            self._parser.Parse(data, final)
        except expat.ExpatError as error:
            what = expat.errors.messages[error.code]
            self._refuse(f"the SSML is malformed ({what})", error.lineno, error.offset)
        if self._fed - self._parser.CurrentByteIndex > _MAX_TAG and self._parser.CurrentByteIndex >= 0:
            self._refuse("a tag of the SSML is not closed")
        events, self._events = self._events, []
        yield from events

    # --- expat's handlers --------------------------------------------------------------------------------------------

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(":")[2]
        if not self._open and name != "speak":
            self._refuse(f"SSML begins with <speak>, not with <{tag[:40]}>")
        if len(self._open) >= _DEEPEST:
            self._refuse(f"SSML is nested more than {_DEEPEST} deep")
        self._position()  # otherwise a text that only has tags would be kept completely
        instead = self._instead(name, attributes)
        self._open.append(_Open(name, self._rate, self._volume, self._speaker, instead))
        if self._silent or name in _SILENT:
            self._silent += 1
            return
        if language := attributes.get("xml:lang"):
            self._speaker = Speaker(None, language)
        if name in ("p", "s", "speak"):
            self._events.append(SentenceEnd())
        elif name == "break":
            self._break(attributes)
        elif name == "prosody":
            self._prosody(attributes)
        elif name == "voice":
            voice = attributes.get("name", "").strip()
            language = attributes.get("language", self._speaker.language)
            self._speaker = Speaker(voice, None) if voice else Speaker(None, language)
        elif instead is not None:
            self._collected = MappedText()
        elif name not in _TEXT and ":" not in tag:
            self._refuse(f"SSML has no element <{tag[:40]}>")
        self._changed()

    def _end(self, tag: str) -> None:
        opened = self._open.pop()
        if self._silent:
            self._silent -= 1
            return
        if opened.instead is not None and self._collected is not None:
            text, self._collected = self._collected, None
            if text.text.strip() and (spoken := opened.instead(text.text.strip())):
                self._events.append(MappedText.instead(spoken, *text.span()))
        elif opened.name in ("p", "s", "speak"):
            self._events.append(SentenceEnd())
        self._rate, self._volume, self._speaker, before = (
            opened.rate, opened.volume, opened.speaker, (self._rate, self._volume, self._speaker),
        )  # fmt: skip
        self._changed(before)

    def _characters(self, text: str) -> None:
        if self._silent:
            return
        at = self._position()
        text = text.replace("\n", " ")  # the end of a line is white space here
        if self._source[:1] == b"&" and not self._verbatim:
            end = at + self._source.find(b";") + 1
            mapped = MappedText.instead(text, at, end)
        else:
            mapped = MappedText.original(text, at)
        if self._collected is None:
            self._events.append(mapped)
        elif len(self._collected) < _MAX_TAG:
            self._collected += mapped

    def _cdata(self, begins: bool) -> None:
        self._verbatim = begins

    def _entity(self, name: str, *_: object) -> None:
        self._refuse(f"SSML must not declare entities, as it does with {name[:40]}")

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _position(self) -> int:
        """Returns expat's place in the text, in characters, and discards the text before it."""
        passed = self._parser.CurrentByteIndex - self._base
        self._base_character += len(self._source[:passed].decode())
        self._base += passed
        del self._source[:passed]
        return self._base_character

    def _instead(self, name: str, attributes: dict[str, str]) -> Callable[[str], str] | None:
        """Returns a function from an element's text to the words to speak; None if the text itself is spoken."""
        if name == "sub":
            return lambda text: attributes.get("alias", "")
        if name == "say-as":
            language = self._speaker.language or self._language
            return lambda text: _said_as(
                text, attributes.get("interpret-as", ""), attributes.get("format", ""), language
            )
        sounds = attributes.get("ph", "").strip().strip("/")
        if name == "phoneme" and sounds and attributes.get("alphabet", "ipa") == "ipa":
            language = self._speaker.language or self._language
            return lambda text: said(sounds, text, language, self._phonemes)
        return None

    def _changed(self, before: tuple[float, float, Speaker] | None = None) -> None:
        """Adds events for the changes by an element that has just begun or ended."""
        opened = self._open[-1] if before is None else None
        rate, volume, speaker = before or (opened.rate, opened.volume, opened.speaker)  # type: ignore[union-attr]
        if self._rate != rate:
            self._events.append(Rate(factor=self._rate))
        if self._volume != volume:
            self._events.append(Volume(self._volume))
        if self._speaker != speaker:
            self._events.append(self._speaker)

    def _break(self, attributes: dict[str, str]) -> None:
        if (time := attributes.get("time")) is not None:
            match = _TIME.fullmatch(time.strip())
            if match is None:
                self._refuse(f"a break's time must be like 500ms or 1.5s, not {time[:40]!r}")
            seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
        else:
            strength = attributes.get("strength", "medium")
            if strength not in _STRENGTHS:
                self._refuse(f"a break's strength must be one of {', '.join(_STRENGTHS)}, not {strength[:40]!r}")
            seconds = _STRENGTHS[strength]
        if seconds:
            self._events.append(Pause(min(seconds, _MAX_PAUSE_S)))

    def _prosody(self, attributes: dict[str, str]) -> None:
        if (rate := attributes.get("rate")) is not None:
            factor = _RATES.get(rate) or self._proportion(rate, "rate", "slow, fast, 120% or +20%")
            self._rate = min(max(self._rate * factor, 0.1), 10.0)
        if (volume := attributes.get("volume")) is not None:
            if volume in _VOLUMES:
                factor = _VOLUMES[volume]
            elif decibels := _DECIBELS.fullmatch(volume.strip()):
                factor = 10 ** (min(max(float(decibels[1]), -60), 20) / 20)
            elif re.fullmatch(r"\d{1,3}(\.\d*)?", volume.strip()):  # SSML 1.0: 0 to 100
                factor = float(volume) / 100
            else:
                factor = self._proportion(volume, "volume", "soft, loud, +6dB or +20%")
            self._volume = min(self._volume * factor, 4.0)

    def _proportion(self, value: str, name: str, examples: str) -> float:
        match = _PERCENT.fullmatch(value.strip())
        if match is None or not (match[3] or not match[1]):
            self._refuse(f"a prosody's {name} must be like {examples}, not {value[:40]!r}")
        amount = float(match[2]) / 100 if match[3] else float(match[2])
        return max({"": amount, "+": 1 + amount, "-": 1 - amount}[match[1]], 0.0)

    def _refuse(self, what: str, line: int | None = None, column: int | None = None) -> NoReturn:
        line = self._parser.CurrentLineNumber if line is None else line
        column = self._parser.CurrentColumnNumber if column is None else column
        raise HushdError("bad_request", f"Line {line}, column {column + 1}: {what}.")


def _said_as(text: str, how: str, format: str, language: str) -> str:
    """Returns the text to speak for `say-as`; engines recognise cardinals, times, money and units themselves."""
    if how in ("characters", "spell-out", "verbatim"):
        return " ".join(c for c in text.upper() if not c.isspace())
    if how in ("digits", "telephone"):
        groups = re.findall(r"\w+", text)
        return ", ".join(" ".join(group.upper() if group.isalpha() else group) for group in groups)
    if how == "ordinal" and text.isdecimal() and (mark := _ORDINALS.get(language[:2])):
        return text + mark
    if how == "ordinal" and text.isdecimal():
        last = int(text[-2:])
        return text + ("th" if 10 < last < 14 else {1: "st", 2: "nd", 3: "rd"}.get(last % 10, "th"))
    if how == "date":
        return _date(text, format or "mdy")
    if how in ("expletive", "bleep"):
        return "beep"
    return text


def _date(text: str, format: str) -> str:
    """Returns a numeric date, in an order (`format`) such as dmy, in the form that every engine reads: 2026-11-20."""
    numbers = re.findall(r"\d+", text)
    if len(numbers) != 3 or sorted(format) != ["d", "m", "y"]:
        return text
    parts = dict(zip(format, numbers, strict=True))
    year = parts["y"] if len(parts["y"]) == 4 else f"20{parts['y']:0>2}"
    return f"{year}-{parts['m']:0>2}-{parts['d']:0>2}"
