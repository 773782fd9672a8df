"""Times of subtitles by `listen --align`, against those of the voices that spoke them, after usual damages."""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile
from hushd import Client
from hushd.transcripts.cues import Cue
from hushd.transcripts.formats import timestamp
from hushd.transcripts.transcript import Transcript
from hushd_cli.commands.listen.script import Script
from support import real_weights

from ..stage import Row, supervisor
from .align import MODELS, NEAR_S, READINGS, VOICES

_CUT_S = 30.0  # at most; a third of a page shorter than 90 s
_DAMAGES = {"3 s late": (1.0, 3.0), "4 % slower": (1.04, 0.0), "30 s cut from the recording": (1.0, 0.0)}


def retime(options: Namespace) -> Iterator[Row]:
    """Counts the cues of five pages that begin within 0.2 s of where the voice began them. --engine: as align."""
    engine, near, counted = options.engine or "faster-whisper", dict.fromkeys(_DAMAGES, 0), dict.fromkeys(_DAMAGES, 0)
    with supervisor(HUSHD_MODELS_DIR=str(real_weights.home())), Client() as client, tempfile.TemporaryDirectory() as at:
        folder = Path(at)
        for language, voice in VOICES.items():
            text = (READINGS / f"{language}.txt").read_text()
            speech = client.synthesize(text, engine=voice, language=language, timeline=True)
            cues, samples, rate = speech.cues(), speech.array(), speech.rate
            whole_s, cut_s = len(samples) / rate, min(_CUT_S, len(samples) / rate / 3)
            first, last = (whole_s - cut_s) / 2, (whole_s + cut_s) / 2
            soundfile.write(folder / "whole.wav", samples, rate)
            with soundfile.SoundFile(folder / "cut.wav", "w", rate, 1) as file:
                file.write(samples[: round(first * rate)])
                file.write(samples[round(last * rate) :])
            heard = {
                name: client.transcribe(
                    folder / f"{name}.wav", language=language, word_times=True, engine=engine, model=MODELS[engine]
                )
                for name in ("whole", "cut")
            }
            for damage, (pace, shift) in _DAMAGES.items():
                cut = "cut" in damage
                found = _retimed(folder, cues, pace, shift, language, heard["cut" if cut else "whole"])
                for cue, start in zip(cues, found, strict=True):
                    if not cut or cue.end <= first or cue.start >= last:
                        truth = cue.start - cut_s * (cut and cue.start >= last)
                        near[damage] += abs(start - truth) <= NEAR_S
                        counted[damage] += 1
    for damage in _DAMAGES:
        share = near[damage] / counted[damage]
        yield Row(f"retime: {damage}", share, "", ">= 0.95", ok=share >= 0.95, note=f"of {counted[damage]} cues")


def _retimed(
    folder: Path, cues: Sequence[Cue], pace: float, shift: float, language: str, heard: Transcript
) -> list[float]:
    """Returns where damaged cues begin once they are retimed."""
    times = [(each.start * pace + shift, each.end * pace + shift) for each in cues]
    rows = [" --> ".join(timestamp(each, hours=True, mark=",") for each in pair) for pair in times]
    old = folder / "old.srt"
    old.write_text("".join(f"{n}\n{row}\n{cue.text}\n\n" for n, (row, cue) in enumerate(zip(rows, cues, strict=True))))
    script = Script(str(old), Namespace(language=language, format=None, output=None))
    return [segment.start for segment in script.aligned(heard).segments]
