"""The text of a dictation so far: words as they are heard, with replacements, punctuation and commands. Pure.

Only what will stay is written: words of which the engine is sure, and of those not the last ones where they may begin a
phrase (`new` of `new line`), nor a full stop behind the last one, which goes when the sentence goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from unicodedata import normalize

from hushd.transcripts.spacing import between

from .vocabulary import COMMANDS, NEW_LINE, NEW_PARAGRAPH, SCRATCH, Phrase, Vocabulary, heard, parts

_CLOSING = ",.;:?!…)]}”’»%"  # marks that stand close behind a word
_ENDING = ".?!…"  # and that end a sentence
_OPENING = "([{“‘«"  # and before one
_JOINING = "-/"  # and between two
_GUESSED = ",.;:?!…"  # marks that an engine puts where it hears a pause
_BREAKS = {NEW_LINE: "\n", NEW_PARAGRAPH: "\n\n"}


@dataclass(frozen=True, slots=True)
class Edit:
    """A change at the cursor: so many characters are deleted before it, then `text` is typed."""

    back: int
    text: str


class Composition:
    """The text of one dictation, as utterance after utterance is heard.

    Attributes:
        text: all that is written.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._finished: list[str] = []  # utterances
        self.text = ""

    def hear(self, stable: str) -> Edit:
        """Takes the words of the unfinished utterance that will not change; returns what to change at the cursor."""
        return self._become(_written([*self._finished, stable], self._vocabulary, ended=False))

    def finish(self, utterance: str) -> Edit:
        """Takes the final text of an utterance."""
        self._finished.append(utterance)
        return self._become(_written(self._finished, self._vocabulary, ended=True))

    def _become(self, text: str) -> Edit:
        edit = difference(self.text, text)
        self.text = text
        return edit


def difference(before: str, after: str) -> Edit:
    """Returns the edit at the end that makes `after` of `before`."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    return Edit(len(before) - same, after[same:])


class _Page:
    """Text while it is written."""

    def __init__(self) -> None:
        self.text = ""
        self._begins: list[int] = []  # of the utterances
        self._capital = False  # whether the next word begins a sentence
        self._guessed = ""  # marks of the engine's at the end

    def begin_utterance(self) -> None:
        self._begins.append(len(self.text))

    def word(self, word: str) -> None:
        """Adds a word as the engine wrote it."""
        if self._capital:
            word = word[:1].upper() + word[1:]
        self._add(word)
        self._guess(word)

    def write(self, written: str, heard_as: str) -> None:
        """Adds what stands for a phrase whose last word was `heard_as`."""
        if all(mark in _CLOSING for mark in written):
            self.withhold()
            self.text += written
            self._capital = written[-1] in _ENDING
            return
        self._add(written)
        if written[-1].isalnum():
            self._guess(heard_as)
            self.text += self._guessed

    def obey(self, command: str) -> None:
        """Breaks the line, or takes the last utterance back."""
        if command == SCRATCH:
            while self._begins and not self.text[self._begins[-1] :].strip():
                self._begins.pop()
            self.text = self.text[: self._begins[-1] if self._begins else 0]
        else:
            if self._guessed == ",":
                self.withhold()
            self.text += _BREAKS[command]
        self._capital = command != SCRATCH
        self._guessed = ""

    def withhold(self) -> None:
        """Takes the engine's marks at the end back."""
        self.text = self.text.removesuffix(self._guessed)
        self._guessed = ""

    def _guess(self, word: str) -> None:
        self._guessed = word[len(word.rstrip(_GUESSED)) :]

    def _add(self, text: str) -> None:
        apart = self.text and self.text[-1] not in f"\n{_OPENING}" and not self._joined(text)
        self.text += (between(self.text, text) if apart else "") + text
        self._capital, self._guessed = False, ""

    def _joined(self, text: str) -> bool:
        return text in _JOINING or (self.text[-1] in _JOINING and self.text[-2:-1].isalnum())


def _written(utterances: list[str], vocabulary: Vocabulary, ended: bool) -> str:
    page = _Page()
    for utterance in utterances[:-1]:
        page.begin_utterance()
        _write(page, utterance.split(), vocabulary, ended=True)
    page.begin_utterance()
    _write(page, utterances[-1].split(), vocabulary, ended)
    if not ended:
        page.withhold()
    return normalize("NFC", page.text)  # a key deletes what it typed


def _write(page: _Page, words: list[str], vocabulary: Vocabulary, ended: bool) -> None:
    bare = tuple(map(heard, words))
    position = 0
    while position < len(words):
        if not ended and vocabulary.begins(bare[position:]):
            return
        length = _phrase_at(words, bare, position, vocabulary)
        if not length:
            page.word(words[position])
            position += 1
            continue
        for part in parts(vocabulary.phrases[bare[position : position + length]]):
            if part in COMMANDS:
                page.obey(part)
            else:
                page.write(part, words[position + length - 1])
        position += length


def _phrase_at(words: list[str], bare: Phrase, position: int, vocabulary: Vocabulary) -> int:
    """Returns the length of the longest phrase that begins at `position`, within a sentence; 0 where none does."""
    for length in range(min(vocabulary.longest, len(words) - position), 0, -1):
        end = position + length
        whole = not any(word[-1] in _ENDING for word in words[position : end - 1])
        if whole and bare[position:end] in vocabulary.phrases:
            return length
    return 0
