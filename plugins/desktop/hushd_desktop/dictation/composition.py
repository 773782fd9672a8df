"""Composes the text of a dictation from recognised words, with replacements, punctuation and commands. Pure.

Only stable text is written: words of which the engine is sure, without last ones that may begin a phrase (`new` of `new
line`), and without a last full stop, which disappears if the sentence continues.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from unicodedata import normalize

from hushd.transcripts.segment import between

from .vocabulary import COMMANDS, NEW_LINE, NEW_PARAGRAPH, SCRATCH, Phrase, Vocabulary, heard, parts

_CLOSING = ",.;:?!…)]}”’»%"  # marks without a space before them
_ENDING = ".?!…"  # marks that end a sentence
_OPENING = "([{“‘«"  # marks without a space after them
_JOINING = "-/"  # marks without spaces around them
_GUESSED = ",.;:?!…"  # marks that engines write at pauses
_BREAKS = {NEW_LINE: "\n", NEW_PARAGRAPH: "\n\n"}


@dataclass(frozen=True, slots=True)
class Edit:
    """A change at the cursor: deletes so many characters before it, then types `text`."""

    back: int
    text: str


class Composition:
    """The text of one dictation, which grows with each utterance."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._finished: list[str] = []  # finished utterances
        self.text = ""

    def hear(self, stable: str) -> Edit:
        """Takes the stable words of the unfinished utterance; returns the edit at the cursor."""
        return self._change_to(_written([*self._finished, stable], self._vocabulary, ended=False))

    def finish(self, utterance: str) -> Edit:
        """Takes the final text of an utterance; returns the edit."""
        self._finished.append(utterance)
        return self._change_to(_written(self._finished, self._vocabulary, ended=True))

    def _change_to(self, text: str) -> Edit:
        edit = difference(self.text, text)
        self.text = text
        return edit


def difference(before: str, after: str) -> Edit:
    """Returns the edit at the end of `before` that turns it into `after`."""
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    return Edit(len(before) - same, after[same:])


class _Page:
    """Text under construction."""

    def __init__(self) -> None:
        self.text = ""
        self._begins: list[int] = []  # places where the utterances begin
        self._capital = False  # whether the next word begins a sentence
        self._guessed = ""  # the engine's marks at the end

    def begin_utterance(self) -> None:
        self._begins.append(len(self.text))

    def word(self, word: str) -> None:
        """Adds a word in the engine's spelling."""
        if self._capital:
            word = word[:1].upper() + word[1:]
        self._add(word)
        self._guess(word)

    def write(self, written: str, heard_as: str) -> None:
        """Adds the replacement of a phrase whose last word was `heard_as`."""
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
        """Breaks the line, or removes the last utterance."""
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
        """Removes the engine's marks at the end."""
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
    return normalize("NFC", page.text)  # one key deletes one typed character


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
    """Returns the length of the longest phrase at `position` within a sentence, or 0."""
    for length in range(min(vocabulary.longest, len(words) - position), 0, -1):
        end = position + length
        whole = not any(word[-1] in _ENDING for word in words[position : end - 1])
        if whole and bare[position:end] in vocabulary.phrases:
            return length
    return 0
