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
_VOICES = (("hibari", "en"), *(("espeak-ng", language) for language in ("de", "fr", "es", "pt")))
_ENGINES = (("faster-whisper", "base"), ("moonshine", "tiny-en"))
NEAR_S = 0.2


def align(options: Namespace) -> Iterator[Row]:
    """Counts the words of five readings that begin within 0.2 s of where the voice put them; --engine: by one alone."""
    with supervisor(HUSHD_MODELS_DIR=str(real_weights.home())), Client() as client, tempfile.TemporaryDirectory() as at:
        for voice, language in _VOICES:
            text = READINGS / f"{language}.txt"
            speech = client.synthesize(
                text.read_text(), engine=voice, language=language, markup="text", on_sentence=lambda sentence: None
            )
            speech.save(recording := Path(at) / "a.wav")
            sounds = {word.text_start: word.start for sentence in speech.timeline for word in sentence.words}
            for engine, model in _ENGINES:
                if options.engine in (None, engine) and (engine != "moonshine" or language == "en"):
                    name = f"align: {language}, by {voice}, heard by {engine}/{model}"
                    off = _off(client, text, recording, sounds, engine=engine, model=model)
                    share = sum(each <= NEAR_S for each in off) / len(sounds)
                    median = sorted(off)[len(off) // 2]
                    note = f"of {len(sounds)} words; the median is off by {median:.2f} s"
                    yield Row(name, share, "", ">= 0.95", ok=share >= 0.95, note=note)


def _off(client: Client, text: Path, recording: Path, sounds: dict[int, float], **engine: str) -> list[float]:
    """Returns the seconds between the two times of each word that has both."""
    options = Namespace(language=text.stem)
    script = Script(str(text), options)
    transcript = script.aligned(client.transcribe(recording, language=text.stem, word_times=True, **engine))
    written, off, at = text.read_text(), [], 0
    for segment in transcript.segments:
        for word in segment.words:
            first = next(part for part in word.word.split() if any(map(str.isalnum, part)))
            at = written.index(first, at)
            if at in sounds:
                off.append(abs(word.start - sounds[at]))
            at += len(first)
    return off
