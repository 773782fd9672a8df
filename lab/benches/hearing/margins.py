"""Measures how far the cases of each verdict are from its threshold, with dithers that nobody hears."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from hushd import Client
from hushd_worker_stt.audio.level import normalise
from hushd_worker_stt.engine import RATE, Options
from hushd_worker_stt.worker import SpeechToText
from support import margins as verdicts
from support import real_weights
from support.margins import Case, Verdict
from support.stt_jobs import encoded

from ..stage import Row, supervisor
from .accuracy import at_16_khz

SONGS = 64
_REAL = "faster-whisper/tiny.en"
READ = 4  # dithers of what a model reads: each takes it seconds


def margins(options: Namespace) -> Iterator[Row]:
    """Finds the nearest cases on both sides of each verdict; with --audio DIR it also counts the clips that are marked
    (NAME-en-*.ogg are English)."""
    for verdict in (*verdicts.BY_THE_DETECTOR, *verdicts.BY_TEXT):
        yield from _nearest(verdict, verdicts.DITHERS)
    certain = [verdicts.counts(max, lambda seed=seed: verdicts.tune(seed), 0) >= 0 for seed in range(SONGS)]
    yield Row(f"margins: of {SONGS} made-up songs, whose words may count", sum(certain), "")
    speech_to_text = SpeechToText("moonshine", "default")
    speech_to_text.load(lambda note: None)
    engine = speech_to_text.engine

    def read(samples: verdicts.Sound) -> str:
        return " ".join(segment.text for segment in engine.transcribe(normalise(samples), Options()))

    yield from _nearest(verdicts.by_the_model(read), READ)
    for model, verdict in (("tiny.en", verdicts.by_its_words), ("base", verdicts.by_its_language)):
        if not real_weights.missing(f"faster-whisper/{model}"):
            os.environ["HUSHD_MODELS_DIR"] = str(real_weights.home())
            yield from _nearest(verdict(real_weights.loaded("faster-whisper", model)), READ)
    if options.audio:
        yield from _marked(sorted(options.audio.glob("*-*-*.ogg")))
        if not real_weights.missing(_REAL):
            yield from _marked_by(_REAL, sorted(options.audio.glob("*-*-*.ogg")))


def _nearest(verdict: Verdict, dithers: int) -> Iterator[Row]:
    yield _row(verdict, verdict.yes, dithers, is_so=True)
    yield _row(verdict, verdict.no, dithers, is_so=False)


def _row(verdict: Verdict, cases: Mapping[str, Case], dithers: int, *, is_so: bool) -> Row:
    """Returns the figure that is nearest to the threshold; it is well if no dither moves it by as much."""
    worst = min if is_so else max
    figures = {name: [case(seed) for seed in range(dithers)] for name, case in cases.items()}
    name = worst(figures, key=lambda name: worst(figures[name]))
    found, moves = worst(figures[name]), max(figures[name]) - min(figures[name])
    distance = (found - verdict.threshold) * (1 if is_so else -1)
    return Row(
        f"margins: {verdict.name}" if is_so else "margins: ... not", found, "",
        f"{'>=' if is_so else '<'} {verdict.threshold:.3g}", ok=distance > moves,
        note=f"{verdict.figure}; {name.strip()[:40]}, by {distance:.2g}; {dithers} dithers move it by {moves:.2g}",
    )  # fmt: skip


def _marked_by(model: str, clips: Sequence[Path]) -> Iterator[Row]:
    """Counts the recordings that published weights mark: of other languages, and 40 English ones of people."""
    kinds = {
        "other": {clip.stem: at_16_khz(clip) for clip in clips if "-en-" not in clip.name},
        "English": dict(islice(_english([clip for clip in clips if "-en-" in clip.name]), 40)),
    }
    with supervisor(HUSHD_MODELS_DIR=str(real_weights.home())), Client() as client:
        for kind, sounds in kinds.items():
            marked = [
                name for name, sound in sounds.items()
                if client.transcribe(encoded(sound), model=model).unlikely
            ]  # fmt: skip
            goal = f"of {len(sounds)}, {'all' if kind == 'other' else 'at most 1'}"
            ok = len(marked) == len(sounds) if kind == "other" else len(marked) <= 1
            yield Row(f"margins: {kind} by {model}", len(marked), "", goal, ok=ok, note=" ".join(marked))


def _english(clips: Sequence[Path]) -> Iterator[tuple[str, verdicts.Sound]]:
    """Yields recordings of English, whole and cut."""
    files = [*clips, *(verdicts.recording(f"{name}.wav") for name in ("beckett", "two_cities", "endgame_nagg_nell"))]
    for file in files:
        yield file.stem, at_16_khz(file)
    for length_s in (12, 9, 7, 5):
        for file in files[len(clips) :]:
            sound = at_16_khz(file)
            for start_s in range(0, int(len(sound) / RATE) - length_s + 1, 9):
                yield f"{file.stem}-{start_s}-{length_s}", sound[start_s * RATE : (start_s + length_s) * RATE]


def _marked(clips: Sequence[Path]) -> Iterator[Row]:
    """Counts the clips whose text is probably not the spoken one: in other languages all should be."""
    english = [clip for clip in clips if "-en-" in clip.name]
    kinds = (
        ("other", [clip for clip in clips if clip not in english], lambda sound: sound),
        ("English", english, lambda sound: sound),
        ("English, -20 dB,", english, lambda sound: sound * 0.1),
        ("English, pink noise 10 dB below,", english, lambda sound: verdicts.noisy(sound, 10)),
    )
    with supervisor(), Client() as client:
        for kind, some, change in kinds:
            sounds = {clip.stem: encoded(change(at_16_khz(clip))) for clip in some}
            marked = [name for name, sound in sounds.items() if client.transcribe(sound).unlikely]
            yield Row(f"margins: {kind} clips marked", len(marked), "", f"of {len(some)}", note=" ".join(marked))
