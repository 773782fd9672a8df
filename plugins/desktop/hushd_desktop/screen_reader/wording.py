"""Turns messages into text to speak: names of characters and keys, punctuation as set, index marks. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Literal
from unicodedata import name as unicode_name

from .settings import Settings

Kind = Literal["SPEAK", "CHAR", "KEY", "SOUND_ICON"]
KINDS: tuple[Kind, ...] = ("SPEAK", "CHAR", "KEY", "SOUND_ICON")
_NAMES = {
    " ": "space", "\t": "tab", "\n": "new line", "\u00a0": "no-break space",
    "!": "exclamation mark", '"': "quote", "#": "hash", "$": "dollar", "%": "percent", "&": "ampersand",
    "'": "apostrophe",
    "(": "left parenthesis", ")": "right parenthesis", "*": "star", "+": "plus", ",": "comma", "-": "dash", ".": "dot",
    "/": "slash", ":": "colon", ";": "semicolon", "<": "less than", "=": "equals", ">": "greater than",
    "?": "question mark", "@": "at", "[": "left bracket", "\\": "backslash", "]": "right bracket", "^": "caret",
    "_": "underscore", "`": "backtick", "{": "left brace", "|": "bar", "}": "right brace", "~": "tilde",
}  # fmt: skip
_PROSODY = ",.;:!?"  # marks that affect a voice's intonation
_SOME = frozenset("#$%&*+/<=>@\\^_`{|}~[]")
_READ = {
    "none": frozenset(),
    "some": _SOME,
    "most": _SOME | frozenset("\"'()-"),
    "all": frozenset(_NAMES) - {" ", "\n"},
}
_KEYS = {"kp": "keypad", "ctrl": "control", "esc": "escape", "del": "delete", "prior": "page up", "next": "page down"}
_MARK = re.compile(r"<mark\s[^<>]*>", re.IGNORECASE)
_NAME = re.compile(r"""\bname\s*+=\s*+(?:"(?P<double>[^"]*+)"|'(?P<single>[^']*+)')""", re.IGNORECASE)
_TAG = re.compile(r"(<[^<>]*>)")
_NO_MARK = re.compile(r"</mark\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Utterance:
    """An utterance to speak.

    Attributes:
        marks: positions in the text and the names of the index marks there, in order.
        capital: whether it is a single capital letter.
    """

    text: str
    marks: tuple[tuple[int, str], ...] = ()
    capital: bool = False


def utterance(kind: Kind, message: str, settings: Settings) -> Utterance:
    if kind == "CHAR":
        return _one(message, settings)
    if kind == "KEY":
        return Utterance(_key(message)) if len(message) > 1 else _one(message, settings)
    if kind == "SOUND_ICON":
        return Utterance(_plain(message.replace("-", " ").replace("_", " ")))
    return _text(message, settings)


def character(sign: str) -> str:
    """Returns the name of a character; for a letter, itself in upper case, which engines read as a letter."""
    if sign in _NAMES:
        return _NAMES[sign]
    return sign.upper() if sign.isalnum() else unicode_name(sign, "").lower() or sign


def _one(message: str, settings: Settings) -> Utterance:
    """Returns the utterance for a character or its name."""
    if len(message) != 1:
        return Utterance(_plain(message))
    capital = message.isupper()
    text = f"capital {message}" if capital and settings.cap_let_recogn == "spell" else character(message)
    return Utterance(text, capital=capital)


def _key(message: str) -> str:
    """Returns a key such as `control_shift_a` as words."""
    parts = [part for part in message.split("_") if part] or [message]
    return " ".join(character(part) if len(part) == 1 else _KEYS.get(part.lower(), part) for part in parts)


def _text(message: str, settings: Settings) -> Utterance:
    """Returns the utterance of a text with tags, read or spelt."""
    spelt = settings.spelling_mode == "on"
    text, marks = "", []
    for part in _TAG.split(_NO_MARK.sub("", message)):
        if (name := _mark(part)) is not None:
            marks.append((len(text), name))
        elif _TAG.fullmatch(part):
            continue
        elif spelt:
            text += "".join(f"{_one(sign, settings).text}, " for sign in unescape(part).strip())
        else:
            text += _plain(_punctuated(unescape(part), _READ[settings.punctuation_mode]))
    return Utterance(text.rstrip(", ") if spelt else text, tuple(marks))


def _mark(part: str) -> str | None:
    """Returns the name of the index mark in a part; None if it is not one."""
    name = _MARK.fullmatch(part) and _NAME.search(part)
    return unescape(name["double"] or name["single"] or "") if name else None


def _punctuated(text: str, read: frozenset[str]) -> str:
    """Returns the text with the marks in `read` as words; marks that affect the intonation stay too."""
    text_read = ""
    for position, sign in enumerate(text):
        if sign not in read:
            text_read += sign
            continue
        ends = sign in _PROSODY and (position + 1 == len(text) or text[position + 1].isspace())
        text_read += f" {_NAMES[sign]}{sign if ends else ' '}"
    return text_read


def _plain(text: str) -> str:
    """Returns the text without commands of macOS's `say` and marks of thoughts, which nobody would hear."""
    return text.replace("[[", "[ [").replace("<think", "< think")
