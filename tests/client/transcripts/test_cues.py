"""Subtitles: whisper's rules, and cues that can be read in time.

`whisper_subtitles.json` holds made-up transcripts and what the writers of openai-whisper 20250625 make of them.
"""

from __future__ import annotations

import copy
import importlib.util
import io
import json
import random
import re
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hushd.transcripts.cues import COLUMNS, MAX_CUE_S, Layout, laid_out, readable, shown
from hushd.transcripts.segment import Segment, Word
from hushd.transcripts.transcript import Transcript
from hushd_schema.results import SegmentData

WHISPER = json.loads(Path(__file__).with_name("whisper_subtitles.json").read_text(encoding="utf-8"))
OPENING = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, "
    "it was the epoch of belief, it was the epoch of incredulity."
)


def transcript(segments: list[dict[str, Any]]) -> Transcript:
    """From whisper's result."""
    return Transcript(tuple(Segment.of(SegmentData.from_data(segment)) for segment in segments))


# --- whisper's rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["srt", "vtt"])
@pytest.mark.parametrize("case", WHISPER["cases"], ids=lambda case: f"{case['recording']} {case['options']}")
def test_layouts_are_whispers(case: dict[str, Any], form: str) -> None:
    """Every layout option makes the cues that openai-whisper writes; short ones stay longer where there is time."""
    segments = WHISPER["recordings"][case["recording"]]
    assert cues_of(transcript(segments).render(form, Layout(**case["options"]))) == longer(cues_of(case[form]))


def cues_of(text: str) -> list[tuple[int, int, str]]:
    """The cues of a file of subtitles: start and end in milliseconds, and the text."""
    clock = r"(?:(\d\d+):)?(\d\d):(\d\d)[.,](\d{3})"
    found = []
    for match in re.finditer(rf"{clock} --> {clock}\n(.*?)\n\n", text, re.DOTALL):
        numbers = [int(number or 0) for number in match.groups()[:8]]
        start, end = (((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (numbers[:4], numbers[4:]))
        found.append((start, end, match[9]))
    return found


def longer(cues: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Cues that stay 0.8 s or until the next one, 40 ms at least, and never overlap."""
    done: list[tuple[int, int, str]] = []
    for number, (start, end, text) in enumerate(cues):
        start = max([start, *(before[1] for before in done[-1:])])
        following = cues[number + 1][0] if number + 1 < len(cues) else start + 800
        end = end if end - start >= 800 else max(start + 40, min(start + 800, following))
        done.append((start, end, text))
    return done


def whisper_writers() -> ModuleType:
    """whisper/utils.py by itself, without torch."""
    package = importlib.util.find_spec("whisper")
    if package is None or not package.submodule_search_locations:
        pytest.skip("openai-whisper is not installed")
    path = Path(package.submodule_search_locations[0]) / "utils.py"
    spec = importlib.util.spec_from_file_location("whisper_utils", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layouts_are_whispers_whatever_is_said() -> None:
    """The same for thousands of made-up transcripts and every mix of options, where whisper is installed."""
    writers = whisper_writers()
    rng = random.Random(4)
    for _ in range(1500):
        segments, time = [], rng.uniform(0, 2)
        for n in range(rng.randrange(6)):
            words = []
            for _ in range(rng.randrange(1, 14)):
                time += rng.choice([0, 0, 0, 0.0004, 0.02, 0.4, 3.0, 3.2])
                end = time + rng.choice([0, 0.1, 0.25, 0.5])
                word = " " + rng.choice(["it", "was", "the", "foolishness,", "age.", "“quoted”", "I", "7"])
                words.append({"word": word, "start": round(time, 3), "end": round(end, 3)})
                time = end
            text = "".join(word["word"] for word in words)
            segments.append({"id": n, "start": words[0]["start"], "end": time, "text": text, "words": words})
        options = {
            "max_line_width": rng.choice([None, 1, 10, 20, 42]),
            "max_line_count": rng.choice([None, 1, 2, 3]),
            "max_words_per_line": rng.choice([None, 1, 2, 5, 100]),
            "highlight_words": rng.random() < 0.4,
        }
        for form, writer in (("srt", writers.WriteSRT), ("vtt", writers.WriteVTT)):
            file = io.StringIO()
            writer(".").write_result({"segments": copy.deepcopy(segments)}, file, options)
            ours = cues_of(transcript(segments).render(form, Layout(**options)))
            whispers = longer(cues_of(file.getvalue()))
            assert [cue[2] for cue in ours] == [cue[2] for cue in whispers], options
            for own, whispers_own in zip(ours, whispers, strict=True):
                assert own[:2] == pytest.approx(whispers_own[:2], abs=2), options


def test_without_word_times_the_rules_hold_with_estimated_ones() -> None:
    """Lines and cues are as asked for, times are shared by letters, and nothing is highlighted."""
    cues = list(laid_out([Segment(0, 10.0, 22.0, OPENING)], Layout(20, 2, highlight_words=True)))
    assert all(len(line) <= 20 for cue in cues for line in cue.text.split("\n"))
    assert all(cue.text.count("\n") <= 1 for cue in cues)
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == OPENING
    assert (cues[0].start, cues[-1].end) == (10.0, 22.0)
    assert not any("<u>" in cue.text for cue in cues)


@pytest.mark.parametrize("layout", [None, Layout(max_words_per_line=1)])
def test_every_cue_can_be_seen_and_none_covers_another(layout: Layout | None) -> None:
    """Short ones stay 0.8 s or until the next, words without length too, and overlapping segments make none that
    overlap; a text is written without waiting for the next where it is long enough."""
    words = tuple(Word(f" {word}", 5.0, 5.0) for word in ("no", "matter", "try"))
    segments = (
        Segment(0, 0.0, 0.2, "Yes."), Segment(1, 0.5, 3.0, "Ever tried."), Segment(2, 2.0, 4.0, "Ever failed."),
        Segment(3, 5.0, 5.0, "no matter try", words), Segment(4, 9.0, 9.1, "Again."),
    )  # fmt: skip
    cues = list(shown(laid_out(segments, layout) if layout else readable(segments)))
    for cue, following in pairwise(cues):
        assert cue.start < cue.end <= following.start
        assert cue.end - cue.start >= min(0.8, following.start - cue.start) - 1e-9
        assert cue.end - cue.start >= 0.04 - 1e-9
    assert cues[-1].end - cues[-1].start == pytest.approx(0.8)
    if not layout:
        assert [(cue.start, cue.end) for cue in cues[:3]] == [(0.0, 0.5), (0.5, 3.0), (3.0, 4.0)]


def test_webvtt_is_escaped_and_subrip_is_not() -> None:
    """Players would swallow what looks like a tag; the mark of the spoken word stays a tag."""
    words = tuple(Word(word, n, n + 1.0) for n, word in enumerate((" List<String>", " AT&T", " <inaudible>")))
    said = Transcript((Segment(0, 0.0, 3.0, "List<String> AT&T <inaudible>", words),))
    assert "\nList&lt;String&gt; AT&amp;T &lt;inaudible&gt;\n" in said.render("vtt")
    assert "\nList<String> AT&T <inaudible>\n" in said.render("srt")
    assert "\nList&lt;String&gt; <u>AT&amp;T</u> &lt;inaudible&gt;\n" in said.render(
        "vtt", Layout(highlight_words=True)
    )


# --- readable cues ----------------------------------------------------------------------------------------------------


def widths(text: str) -> list[int]:
    return [sum(2 if "\u3000" <= c <= "\uffef" else 1 for c in line) for line in text.split("\n")]


def test_a_long_segment_is_cut_where_its_phrases_end() -> None:
    """Twelve seconds without word times become three cues of two whole phrases each, a phrase a line."""
    cues = list(readable([Segment(0, 0.0, 12.0, OPENING)]))
    assert [cue.text for cue in cues] == [
        "It was the best of times,\nit was the worst of times,",
        "it was the age of wisdom,\nit was the age of foolishness,",
        "it was the epoch of belief,\nit was the epoch of incredulity.",
    ]
    assert [round(cue.start, 1) for cue in cues] == [0.0, 3.7, 7.7]
    assert [round(cue.end, 1) for cue in cues] == [3.7, 7.7, 12.0]


def test_sentences_stay_whole_where_they_fit() -> None:
    """A cue ends with a sentence rather than with a phrase, and never behind a title."""
    text = "I asked Mr. Smith, who was there. He said that he had not seen it, neither then nor later, and left us."
    cues = [cue.text.replace("\n", " ") for cue in readable([Segment(0, 0.0, 9.0, text)])]
    assert cues == [
        "I asked Mr. Smith, who was there.",
        "He said that he had not seen it, neither then nor later, and left us.",
    ]


def test_languages_without_spaces_are_cut_too() -> None:
    """A character of Japanese is a word, two columns wide; no line begins with a closing mark."""
    text = "今日は天気がいいですね。散歩に行きましょうか、それとも家で本を読みましょうか。私はどちらでもいいですよ。"
    cues = list(readable([Segment(0, 0.0, 10.0, text)]))
    assert "".join(cue.text.replace("\n", "") for cue in cues) == text
    assert len(cues) > 1
    assert all(not line.startswith(("。", "、")) for cue in cues for line in cue.text.split("\n"))


def test_any_text_becomes_cues_that_can_be_read() -> None:
    """At most two lines of 42 columns and seven seconds unless a single word is more; no word or second is lost."""
    rng = random.Random(5)
    stock = ["a", "of", "times,", "wisdom.", "incredulity", "x" * 50, "—", "“So?”", "世", "界。", "ประ", "Mr.", "<i>"]
    for _ in range(600):
        text = "".join(rng.choice([" ", " ", " ", ""]) + rng.choice(stock) for _ in range(rng.randrange(1, 60))).strip()
        segment = Segment(0, 5.0, 5.0 + rng.choice([0.0, 0.5, 4.0, 15.0, 60.0]), text, speaker=rng.choice(["", "S"]))
        cues = list(readable([segment], label=4))
        assert "".join("".join(cue.text.split()) for cue in cues) == "".join(text.split())
        assert (cues[0].start, cues[-1].end) == (segment.start, pytest.approx(segment.end))
        room = 5 if segment.speaker else 0
        for cue, following in zip(cues, [*cues[1:], None], strict=True):
            assert following is None or cue.end == following.start
            assert cue.text.count("\n") <= 1
            single = len(cue.text.split()) == 1
            assert cue.end - cue.start <= MAX_CUE_S + 1e-6 or single
            for number, line in enumerate(cue.text.split("\n")):
                limit = COLUMNS - (room if number == 0 else 0)
                assert widths(line)[0] <= limit or len(line.split()) == 1, cue
