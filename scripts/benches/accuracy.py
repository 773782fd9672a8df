"""Word error rates on recordings of people, by Whisper's English normalisation."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

import jiwer
import soundfile
from hushd import Client
from whisper_normalizer.english import EnglishTextNormalizer

from .stage import Row, recording, supervisor

BECKETT = "Ever tried. Ever failed. No matter. Try again. Fail again. Fail better."


def wer(options: Namespace) -> Iterator[Row]:
    """Default settings on beckett.wav and on the clips of --audio DIR (NAME.ogg with NAME.txt)."""
    normalise = EnglishTextNormalizer()
    with supervisor(), Client() as client:
        heard = client.transcribe(recording("beckett.wav")).text
        rate = jiwer.wer(normalise(BECKETT), normalise(heard))
        yield Row("wer: beckett.wav", rate, "", "<= 0.15", ok=rate <= 0.15)
        clips = sorted(options.audio.glob("*-en-*.ogg")) if options.audio else []
        if not clips:
            yield Row("wer: clips", None, "", "<= 0.15", note="not measured: give --audio DIR")
            return
        texts = [normalise(clip.with_suffix(".txt").read_text()) for clip in clips]
        ours = [normalise(client.transcribe(clip).text) for clip in clips]
    rate, floor = jiwer.wer(texts, ours), jiwer.wer(texts, [normalise(_bare(clip)) for clip in clips])
    yield Row(f"wer: {len(clips)} English clips", rate, "", "<= 0.15", floor, rate <= 0.15, "floor: engine as it comes")


def _bare(clip: object) -> str:
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber
    from moonshine_voice.utils import get_assets_path

    stt = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY)
    audio, rate = soundfile.read(clip, dtype="float32")
    return " ".join(line.text for line in stt.transcribe_without_streaming(audio.tolist(), rate).lines)
