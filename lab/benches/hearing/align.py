"""Times of a text that is read aloud, by `listen --align`, against those that the voices report of their own words."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from hushd import Client
from hushd_cli.commands.listen.script import Script
from support import real_weights

from ..stage import Row, supervisor

READINGS = Path(__file__).parent / "readings"  # a page each, with numbers and abbreviations
HELD_OUT = READINGS / "held"  # by which nothing of `--align` was chosen
VOICES = {"en": "hibari", "de": "espeak-ng", "fr": "espeak-ng", "es": "espeak-ng", "pt": "espeak-ng"}
MODELS = {"faster-whisper": "base", "moonshine": "tiny-en"}
NEAR_S = 0.2


def align(options: Namespace) -> Iterator[Row]:
    """Counts the words of ten pages that begin within 0.2 s of where the voice put them; kokoro's and piper's published
    voices only estimate that. --engine: by another engine than faster-whisper."""
    engine = options.engine or "faster-whisper"
    with supervisor(HUSHD_MODELS_DIR=str(real_weights.home())), Client() as client, tempfile.TemporaryDirectory() as at:
        for pages in (READINGS, HELD_OUT):
            near = words = 0
            for language, voice in VOICES.items():
                text = pages / f"{language}.txt"
                speech = client.synthesize(
                    text.read_text(), engine=voice, language=language, markup="text", on_sentence=lambda sentence: None
                )
                speech.save(recording := Path(at) / "a.wav")
                sounds = {word.text_start: word.start for sentence in speech.timeline for word in sentence.words}
                off = _off(client, text, recording, sounds, engine)
                here = sum(each <= NEAR_S for each in off)
                near, words = near + here, words + len(sounds)
                note = f"of {len(sounds)} words; the median is off by {sorted(off)[len(off) // 2]:.2f} s"
                yield Row(f"align: {pages.name}, {language}, by {voice}", here / len(sounds), "", note=note)
            yield Row(f"align: {pages.name}", near / words, "", ">= 0.95", ok=near / words >= 0.95, note=f"of {words}")


def _off(client: Client, text: Path, recording: Path, sounds: dict[int, float], engine: str) -> list[float]:
    """Returns the seconds between the two times of each word that has both."""
    options = Namespace(language=text.stem)
    script = Script(str(text), options)
    transcript = script.aligned(
        client.transcribe(recording, language=text.stem, word_times=True, engine=engine, model=MODELS[engine])
    )
    written, off, at = text.read_text(), [], 0
    for segment in transcript.segments:
        for word in segment.words:
            first = next(part for part in word.word.split() if any(map(str.isalnum, part)))
            at = written.index(first, at)
            if at in sounds:
                off.append(abs(word.start - sounds[at]))
            at += len(first)
    return off
