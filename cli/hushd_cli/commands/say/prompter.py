"""Shows a text on a terminal while it is spoken, with the sentence and the word marked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hushd.reports.display import columns_of
from hushd.synthesis.speech import Sentence, Spoken
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import CONTROLS, Styled

_ATTRIBUTES = {"bold": "1", "dim": "2", "sitm": "3", "smul": "4", "blink": "5", "rev": "7", "smso": "7"}  # SGR
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
_BLANKS = dict.fromkeys((*CONTROLS, 0x09), " ")  # of a known width, so that lines are broken correctly


class Style(NamedTuple):
    """Control sequences before the sentence, before the word, and after either."""

    sentence: str = ""
    word: str = ""
    plain: str = ""


def style(markup: str) -> Style:
    """Returns a style by the names of macOS's `say --interactive=MARKUP`.

    Args:
        markup: one of terminfo's names, such as smso, bold or smul, a colour, or colours as TEXT/BACKGROUND, either of
            which may be left out.

    Raises:
        HushdError: `bad_request` for any other `markup`.
    """
    text, _, background = markup.partition("/")
    if markup in _ATTRIBUTES:
        word = _ATTRIBUTES[markup]
    elif (text or background) and {text, background} <= {"", *_COLOURS}:
        word = ";".join(f"{ground}{_COLOURS.index(name)}" for ground, name in ((3, text), (4, background)) if name)
    else:
        listed = ", ".join((*_ATTRIBUTES, *_COLOURS))
        raise HushdError("bad_request", f"There is no markup {markup!r}: use one of {listed}.")
    return Style("\x1b[1m", f"\x1b[{word}m", "\x1b[0m")


class View(NamedTuple):
    """Finished lines, to be written once, and the current line."""

    over: str
    line: str


class Prompter:
    """Follows a speech through its text.

    Args:
        timeline: the speech's timeline, which may grow.

    Attributes:
        columns: the terminal's width, which may change; lines end before the last column.
    """

    def __init__(self, timeline: Sequence[Sentence], style: Style, columns: int) -> None:
        self._timeline = timeline
        self._style = style
        self.columns = columns
        self._sentences_begun = 0  # sentences
        self._start = 0  # of the line
        self._offset = 0  # of the spoken text

    def at(self, text: str, position: float) -> View:
        """Returns the view after `position` seconds; `text` is known at least that far."""
        while self._sentences_begun < len(self._timeline) and self._timeline[self._sentences_begun].start <= position:
            self._sentences_begun += 1
        if not self._sentences_begun:
            return View("", "")
        sentence = self._timeline[self._sentences_begun - 1]
        word = next((word for word in reversed(sentence.words) if word.start <= position < word.end), None)
        self._offset = max(self._offset, (word or sentence).text_start)
        over = ""
        while self._offset >= (following := self._line(text)[1]) and following > self._start:
            over += self._pass(text)
        return View(over, self._marked(text, sentence, word))

    def rest(self, text: str, *, heard: bool) -> str:
        """Returns the remaining lines: all if everything was `heard`, else only the current one."""
        if not self._sentences_begun:
            return ""
        over = ""
        while self._start < len(text):
            over += self._pass(text)
            if not heard:
                break
        return over

    def _pass(self, text: str) -> str:
        end, following = self._line(text)
        line = _shown(text[self._start : end])
        self._start = following
        return line + "\n"

    def _line(self, text: str) -> tuple[int, int]:
        """Returns the end of the line, and the start of the next one."""
        newline = text.find("\n", self._start)
        limit = newline if newline >= 0 else len(text)
        end, room = self._start, self.columns - 1  # some terminals begin a new line in the last column
        while end < limit and (room := room - columns_of(text[end])) >= 0:
            end += 1
        if end == limit:
            return limit, limit + (newline >= 0)
        space = text.rfind(" ", self._start, end + 1)
        if space > self._start:
            return space, space + 1
        end = max(end, self._start + 1)
        return end, end

    def _marked(self, text: str, sentence: Sentence, word: Spoken | None) -> str:
        start, end = self._start, self._line(text)[0]

        def part(first: int, last: int, on: str) -> str:
            shown = _shown(text[max(first, start) : min(last, end)])
            return f"{on}{shown}{self._style.plain}" if shown and on else shown

        sentence_mark, word_mark = self._style.sentence, self._style.sentence + self._style.word
        middle = (word.text_start, word.text_end) if word else (sentence.text_end, sentence.text_end)
        return Styled(
            part(start, sentence.text_start, "")
            + part(sentence.text_start, middle[0], sentence_mark)
            + part(*middle, word_mark)
            + part(middle[1], sentence.text_end, sentence_mark)
            + part(sentence.text_end, end, "")
        )


def _shown(text: str) -> str:
    """Returns the text without control characters."""
    return text.translate(_BLANKS)
