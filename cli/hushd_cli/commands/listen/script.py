"""`listen --align TEXT`: the text that is read aloud in a recording, or its subtitles, and the transcript with it."""

from __future__ import annotations

import os
from argparse import Namespace
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hushd.client import Client
from hushd.transcripts.formats import render
from hushd.transcripts.segment import Layout, Segment, Segments
from hushd.transcripts.transcript import Transcript
from hushd_models import advice, languages, text_language
from hushd_models.choice.models import best
from hushd_protocol.errors import HushdError, os_errors_as
from hushd_protocol.suggest import plural
from hushd_reading import subtitles
from hushd_reading.encoding import decoded
from hushd_schema.results import ResultWarning

from hushd_cli.terminal import console

from . import retiming
from .alignment import Passage, align

_MAX_BYTES = 5_000_000  # bytes of a text: the longest novels
_LEAST_LIKENESS = 0.1  # likeness of the words, in runs; a model that hears half of them wrongly still has 0.3
_FEW_HEARD = 20  # words heard; if so few have none in a row, the letters decide
# Likeness of the letters: of 5 to 20 words another text has up to 0.44, the same one misheard 0.6 and more.
_LEAST_ALIKE = 0.5
_NAMED = 5  # passages, by so many words of either end


class Script:
    """A text that is read aloud. Raises `input_unreadable`, `bad_request` for a text of another kind."""

    def __init__(self, path: str, options: Namespace) -> None:
        self._path = path
        with os_errors_as("input_unreadable", f"{path} cannot be read"), Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        self._text = "" if len(content) > _MAX_BYTES else decoded(content, path).removeprefix("\ufeff")
        if not self._text.strip():
            raise HushdError(
                "bad_request", f"{path} is empty, or longer than any book (5 MB): name the text that is read."
            )
        self.subtitles = subtitles.read(self._text, path)
        if self.subtitles:
            self._text, _, _ = retiming.script(self.subtitles.cues)
            form, extension = self.subtitles.form, os.path.splitext(options.output or "")[1].lower()
            if not options.format and extension in ("", f".{form}"):
                options.format = form
        self._cues: tuple[Segment, ...] = ()
        named = options.language if options.language != "auto" else None
        options.language = named or text_language.certain(self._text) or None
        self._language = languages.code(options.language or "en")
        options.word_times = True

    def choose(self, client: Client, options: Namespace) -> None:
        """Chooses a model that knows the times of words, unless the options name one; says if there is none."""
        if options.engine or options.model:
            return
        described, status = client.describe("stt").stt, client.status()
        try:
            options.engine, options.model, why = best(described, status, options.language, words=True)
        except HushdError:  # none does
            more = advice.for_translation()
            console.complain(f"No installed model knows the times of words, so they are estimated{more}.")
        else:
            console.note(why)

    def aligned(self, transcript: Transcript) -> Transcript:
        """Returns the text with the times of a transcript, and warnings where they differ.
        Raises `bad_request` where it is another text."""
        alignment = align(self._text, transcript.segments, self._language)
        few = len(transcript.text.split()) <= _FEW_HEARD
        if alignment.likeness < _LEAST_LIKENESS and not (few and alignment.letters >= _LEAST_ALIKE):
            raise HushdError("bad_request", f"{self._path} is not what is said there: name the text of this recording.")
        segments, unspoken = alignment.segments, alignment.unspoken
        if self.subtitles:
            self._cues, unsaid = retiming.retimed(self.subtitles.cues, alignment)
            unspoken = tuple(Passage(each.text, each.start, each.end) for each in (self._cues[n] for n in unsaid))
            segments = tuple(each for each in self._cues if each.text)
        warnings = [
            *transcript.warnings,
            *(ResultWarning(code="not_spoken", message=text) for text in _named("Not spoken", unspoken)),
            *(
                ResultWarning(code="not_in_text", message=text)
                for text in _named("Not in the text", alignment.unwritten)
            ),
        ]
        return replace(transcript, segments=segments, warnings=tuple(warnings))

    def render(self, form: str, segments: Segments, layout: Layout) -> Iterator[str]:
        """Yields the aligned text in a format; subtitles stay as they are but for their times."""
        if self.subtitles is None or form != self.subtitles.form:
            return render(form, segments, layout)
        deque(segments, maxlen=0)  # waits until all are known
        return retiming.rewritten(self.subtitles, self._cues)


def _named(what: str, passages: Sequence[Passage]) -> Iterator[str]:
    """Yields a sentence for each of the longest passages, and one for the others together."""
    longest = sorted(passages, key=lambda each: -len(each.text))[:_NAMED]
    for passage in sorted(longest, key=lambda each: each.start):
        words = passage.text.split()
        text = passage.text if len(words) <= 2 * _NAMED else f"{' '.join(words[:_NAMED])} … {' '.join(words[-_NAMED:])}"
        yield f"{what}, at {passage.start:.0f} s: {text} ({plural(len(words), 'word')})."
    if more := len(passages) - len(longest):
        yield f"{what}: {plural(more, 'more passage')}."
