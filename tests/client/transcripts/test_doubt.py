"""Doubtful words are marked, each format in its own way; where nobody knows probabilities nothing changes."""

from __future__ import annotations

import json

import pytest
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript

WORDS = (
    Word("Ever", 0.0, 0.5, 0.98),
    Word("tried.", 0.5, 1.0, 0.31),
    Word("Ever", 1.0, 1.5, 0.49),
    Word("failed.", 1.5, 2.0, None),
)
TRANSCRIPT = Transcript((Segment(0, 0.0, 2.0, "Ever tried. Ever failed.", WORDS, "SPEAKER_00"),), "en", 2.0)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("txt", "SPEAKER_00: Ever tried.(?) Ever(?) failed."),
        ("tsv", "Ever tried.(?) Ever(?) failed.\tSPEAKER_00"),
        ("srt", "[SPEAKER_00]: Ever tried.(?) Ever(?) failed."),
        ("vtt", "<v SPEAKER_00>Ever <c.doubtful>tried.</c> <c.doubtful>Ever</c> failed."),
    ],
)
def test_each_format_has_its_mark(form: str, text: str) -> None:
    """The words below the bound have it, and no others, whatever comes twice."""
    shown = TRANSCRIPT.render(form, doubtful=0.5)
    assert text in " ".join(shown.split("\n"))
    assert "\ue0d7" not in shown


def test_json_has_the_probabilities_themselves() -> None:
    """With and without a bound; a word without one has none."""
    for doubtful in (None, 0.5):
        (segment,) = json.loads(TRANSCRIPT.render("json", doubtful=doubtful))["segments"]
        assert [word.get("probability") for word in segment["words"]] == [0.98, 0.31, 0.49, None]
        assert segment["text"] == "Ever tried. Ever failed."


def test_without_doubt_nothing_changes() -> None:
    """A bound that no word is below leaves every format as it is, and so do words without probabilities."""
    bare = Transcript((Segment(0, 0.0, 2.0, "Ever tried.", (Word("Ever", 0, 1), Word("tried.", 1, 2))),))
    for transcript, doubtful in ((TRANSCRIPT, 0.1), (bare, 1.0)):
        for form in ("txt", "vtt", "srt", "tsv"):
            assert transcript.render(form, doubtful=doubtful) == transcript.render(form)
