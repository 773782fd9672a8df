"""Counts how short speech is judged: what passes for English, and how much English is doubted or heard again."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hushd import Client
from hushd.transport.second_hearing import is_unsure
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.engine import Options
from hushd_worker_stt.plausibility import Plausibility
from hushd_worker_stt.worker import SpeechToText
from support import real_weights

from ..stage import Row, Samples, supervisor
from .short_clips import RATE, Clip, passages, recorded, spoken


class Judged(NamedTuple):
    """A clip, the text that moonshine hears or invents, the verdict, and the language that Whisper base finds, with its
    probability, and that which it finds if the clip's is the user's."""

    clip: Clip
    text: str
    unlikely: bool
    doubtful: bool
    language: str
    known: float
    own: str


class Judges:
    """Both models, loaded in this process."""

    def __init__(self) -> None:
        speech_to_text = SpeechToText("moonshine", "default")
        speech_to_text.load(lambda note: None)
        self._usual = speech_to_text.engine
        self._rate = self._usual.rating()
        self._second = real_weights.loaded("faster-whisper", "base")

    def verdict(self, samples: Samples) -> tuple[str, bool, bool]:
        """Returns the usual model's text, and whether it is unlikely, and doubtful."""
        judge = Plausibility(self._read, lambda: self._rate)
        text = self._read(samples).strip()
        sound = normalise(samples)
        return text, judge.unlikely(sound, text), judge.doubtful(sound, text)

    def judged(self, clip: Clip) -> Judged:
        """Returns a clip's verdict and language."""
        found = self._second.detect_language(normalise(clip.samples))
        language, known = (found.tag, found.probability or 0.0) if found else ("", 0.0)
        own = found.of_user([clip.language], len(clip.samples) / RATE).tag if found else ""
        return Judged(clip, *self.verdict(clip.samples), language, known, own)

    def _read(self, samples: Samples) -> str:
        return " ".join(segment.text for segment in self._usual.transcribe(normalise(samples), Options()))


def short(options: Namespace) -> Iterator[Row]:
    """Counts short clips of five languages that are marked, heard again, or pass for English, and English passages;
    with --audio DIR people's in all five."""
    with supervisor(HUSHD_MODELS_DIR=str(real_weights.home())), Client() as client:
        clips = [*recorded(options.audio), *spoken(client)]
    os.environ["HUSHD_MODELS_DIR"] = str(real_weights.home())
    judges = Judges()
    judged = [each for each in map(judges.judged, clips) if each.text]
    for half, name in enumerate(("chosen on", "held out")):
        for person, who in ((True, "people"), (False, "voices")):
            some = [each for each in judged if (each.clip.half, each.clip.person) == (half, person)]
            yield from _rows(f"short: {name}, {who}", some)
    english = [(name, *judges.verdict(samples)) for name, samples in passages(options.audio)]
    again = [f"{name}: {text}" for name, text, unlikely, doubtful in english if unlikely or doubtful]
    yield Row("short: English passages heard again", len(again), "", f"of {len(english)}", note="; ".join(again))


def _rows(name: str, judged: Sequence[Judged]) -> Iterator[Row]:
    for kind in ("English", "others"):
        some = [each for each in judged if (each.clip.language == "en") == (kind == "English")]
        goal = f"of {len(some)}"
        marked = [each for each in some if each.unlikely]
        again = [each for each in some if each.unlikely or each.doubtful]
        sure = [each for each in again if not is_unsure(each.language, each.known, denied=each.unlikely)]
        yield _row(f"{name}, {kind} marked", marked, goal, noted=kind == "English")
        yield _row(f"{name}, {kind} not marked", [each for each in some if each not in marked], goal, kind == "others")
        yield _row(f"{name}, {kind} heard again by base", again, goal)
        yield _row(f"{name}, {kind} then marked", [each for each in again if each not in sure], goal)
        yield _row(
            f"{name}, {kind} in the language found",
            [each for each in some if each.language == each.clip.language],
            goal,
        )
        yield _row(
            f"{name}, {kind} found by their user", [each for each in some if each.own == each.clip.language], goal
        )
        passed = [each for each in some if each not in again or (each in sure and each.language == "en")]
        yield _row(f"{name}, {kind} then English", passed, goal, noted=kind == "others")


def _row(name: str, some: Sequence[Judged], goal: str, noted: bool = False) -> Row:
    note = "; ".join(f"{each.clip.name}: {each.text}" for each in some)
    return Row(name, len(some), "", goal, note=note if noted else "")
