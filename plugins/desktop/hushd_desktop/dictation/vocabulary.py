"""The vocabulary of dictation: words to expect, replacements, and phrases that are commands. Pure.

The file `names.txt` adds to the built-in phrases, a line each:

    Kubernetes            # a word to expect, and how it is written
    kates -> k8s          # heard -> written
    next item -> <new line>-
    period -> period      # a built-in phrase, as a word again

A later line wins over an earlier one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hushd_protocol.errors import HushdError
from hushd_schema.pronunciations import ipa

COMMANDS = NEW_LINE, NEW_PARAGRAPH, SCRATCH = ("<new line>", "<new paragraph>", "<scratch that>")
_BUILT_IN = {
    "new line": NEW_LINE, "newline": NEW_LINE, "new paragraph": NEW_PARAGRAPH, "scratch that": SCRATCH,
    "comma": ",", "full stop": ".", "period": ".", "question mark": "?",
    "exclamation mark": "!", "exclamation point": "!",
    "colon": ":", "semicolon": ";", "ellipsis": "…", "hyphen": "-", "dash": "–",
    "open parenthesis": "(", "close parenthesis": ")", "open quote": "“", "close quote": "”",
}  # fmt: skip
_ARROW = "->"
_COMMAND = re.compile(f"({'|'.join(map(re.escape, COMMANDS))})")
_UNKNOWN = re.compile(r"<[^<>]*>")
_BESIDE = re.compile(r"^\W+|\W+$")  # marks around a word, which are not spoken

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The text for each phrase, by its words as returned by `heard`; and words to expect.
    `longest`: the number of words in the longest phrase."""

    phrases: Mapping[Phrase, str]
    expected: tuple[str, ...] = ()

    @property
    def longest(self) -> int:
        return max(map(len, self.phrases), default=0)

    def begins(self, words: Phrase) -> bool:
        """Returns whether a phrase begins with `words` and is longer."""
        return any(len(phrase) > len(words) and phrase[: len(words)] == words for phrase in self.phrases)


def read(
    lines: Iterable[str] = (),
    name: str = "names.txt",
    english: bool = True,
    pronounced: Mapping[str, str] | None = None,
) -> Vocabulary:
    """Returns the vocabulary of `lines`, with the built-in phrases if `english`. Raises `bad_request` for a line
    without words, with its number.
    `pronounced`: words by their pronunciations: heard pronunciations are written as the word."""
    phrases = {_phrase(spoken): written for spoken, written in _BUILT_IN.items()} if english else {}
    expected: list[str] = []
    for word, spoken in (pronounced or {}).items():
        expected.append(word)
        phrases |= {phrase: word for phrase in (_phrase(word), () if ipa(spoken) else _phrase(spoken)) if phrase}
    for number, line in enumerate(lines, start=1):
        text = re.sub(r"(^|\s)#.*", "", line.rstrip("\n"))
        if not text.strip():
            continue
        spoken, arrow, written = text.partition(_ARROW)
        phrase = _phrase(spoken)
        if not phrase:
            raise HushdError("bad_request", f"{name}, line {number}: {text.strip()!r} has no word that can be heard.")
        if unknown := [part for part in _UNKNOWN.findall(written) if not _COMMAND.fullmatch(part)]:
            known = f"{NEW_LINE}, {NEW_PARAGRAPH} and {SCRATCH}"
            raise HushdError(
                "bad_request", f"{name}, line {number}: there is no command {unknown[0]}: there are {known}."
            )
        if not arrow:
            expected.append(spoken.strip())
        phrases[phrase] = written.strip() if arrow else spoken.strip()
    return Vocabulary(phrases, tuple(expected))


def heard(word: str) -> str:
    """Returns a word in lower case without the marks around it; empty for marks alone."""
    return _BESIDE.sub("", word).casefold()


def parts(written: str) -> list[str]:
    """Splits the replacement of a phrase into texts and commands."""
    return [part for part in _COMMAND.split(written) if part.strip()]


def _phrase(spoken: str) -> Phrase:
    return tuple(filter(None, map(heard, spoken.split())))
