"""A transcript in a notebook: a table."""

from __future__ import annotations

from html.parser import HTMLParser

from hushd.transcripts.notebook import MAX_SEGMENTS
from hushd.transcripts.segment import Segment
from hushd.transcripts.transcript import Transcript
from hushd.transport.warning import ResultWarning


class Page(HTMLParser):
    """The rows of a table, and all other text; fails where tags are not closed in their order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.rest: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.rows[-1] if self._open[-1] == "td" else self.rest).append(data)


def test_a_row_for_each_segment() -> None:
    """Its beginning and its words, whatever signs that has; the language, the length and the doubts beside it."""
    segments = (Segment(0, 0.0, 2.0, "Is 1 < 2 & 3?"), Segment(1, 65.2, 70.0, "<script>alert(1)</script>"))
    warnings = (ResultWarning("unlikely_text", "The model may not know <this>."),)
    page = Page(Transcript(segments, "en", 3700.0, warnings=warnings)._repr_html_())
    assert page.rows == [["0:00", "Is 1 < 2 & 3?"], ["1:05", "<script>alert(1)</script>"]]
    assert page.rest == ["en, 1:01:40", "The model may not know <this>."]


def test_a_long_one_is_cut() -> None:
    """A day of speech does not make a page that no browser shows; it says how much is missing."""
    segments = tuple(Segment(number, float(number), number + 1.0, "Yes.") for number in range(MAX_SEGMENTS + 7))
    page = Page(Transcript(segments, "", 300.0)._repr_html_())
    assert len(page.rows) == MAX_SEGMENTS
    assert page.rest == ["5:00", "7 more segments are not shown."]
    assert Page(Transcript(())._repr_html_()).rows == []
