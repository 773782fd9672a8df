"""Own words: names that are right without and with a list of them, and words elsewhere that the list makes wrong."""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

from hushd import Client
from hushd_worker_stt.engine import Segment
from hushd_worker_stt.own_words import OwnWords
from hushd_worker_stt.plausibility import differences
from hushd_worker_stt.wording import keys, split
from support import real_weights

from ...stage import Row, recording, supervisor

_LISTS = ("held_out", "beside_common_words", "by_which_the_rule_was_made", "by_engine_held_out")
_VOICES = (
    {"engine": "hibari", "voice": "heart"}, {"engine": "piper", "model": "en_US-joe-medium"},
    {"engine": "hibari", "voice": "heart"},
    {"engine": "kokoro", "model": "kokoro-v1.0.int8", "voice": "af_heart"},
)  # fmt: skip
_PLACES = {"kokoro": "kokoro/kokoro-v1.0.int8.onnx", "piper": "piper/en_US-joe-medium.onnx"}
_MODELS = ("moonshine/tiny-en", "faster-whisper/base")
_NAME = re.compile(r"\[(.+?)\]")
_READ = ("two_cities.wav", "beckett.wav")


def own_words(options: Namespace) -> Iterator[Row]:
    """Measures four lists of names: in sentences by voices, and elsewhere (--audio DIR, --text FILE, --engine)."""
    home = real_weights.home()
    with supervisor("[worker]\nkeep_alive = 3600\n", HUSHD_MODELS_DIR=str(home)), Client() as client:
        voices = [v for v in _VOICES if v["engine"] not in _PLACES or not real_weights.missing(_PLACES[v["engine"]])]
        models = [model for model in _MODELS if model.startswith(options.engine or "")]
        clips = [recording(name) for name in _READ] + sorted(options.audio.glob("*-en-*.ogg") if options.audio else ())
        plain = {
            model: [client.transcribe(clip, model=model, language="en", own_words="").text for clip in clips]
            for model in models
        }
        for name in _LISTS:
            sentences = Path(__file__).with_name(f"{name}.txt").read_text().splitlines()
            own = "\n".join(sorted({name for sentence in sentences for name in _NAME.findall(sentence)}, key=str.lower))
            sounds = [
                b"".join(client.synthesize(_NAME.sub(r"\1", sentence), format="wav", **voice))  # type: ignore[arg-type]
                for sentence, voice in zip(sentences, cycle(voices), strict=False)
            ]
            for model in models:
                case = f"own words: {name}, {model}"
                heard = [client.transcribe(sound, model=model, language="en", own_words="").text for sound in sounds]
                mended = [client.transcribe(sound, model=model, language="en", own_words=own).text for sound in sounds]
                yield from _named(case, sentences, heard, mended)
                yield from _named(f"{case}, by text alone", sentences, heard, [_by_text(each, own) for each in heard])
                elsewhere = [client.transcribe(clip, model=model, language="en", own_words=own).text for clip in clips]
                yield _elsewhere(f"{case}: elsewhere", plain[model], elsewhere)
            if options.text:
                texts = re.split(r"\n%\n|\n\n", options.text.read_text(errors="replace"))
                mended = [_by_text(text, own) for text in texts]
                yield _elsewhere(f"own words: {name}, {options.text.name}, by text alone", texts, mended)


def _named(case: str, sentences: list[str], heard: list[str], mended: list[str]) -> Iterator[Row]:
    """Compares the texts of the sentences without and with the list."""
    named, before, after, worse, words = 0, 0, 0, 0, 0
    for sentence, first, last in zip(sentences, heard, mended, strict=True):
        names = _NAME.findall(sentence)
        named, words = named + len(names), words + len(sentence.split())
        before, after = (n + sum(_has(text, each) for each in names) for n, text in ((before, first), (after, last)))
        said = keys(split(_NAME.sub(r"\1", sentence)))
        worse += max(0, differences(said, keys(split(last))) - differences(said, keys(split(first))))
    share = (after - before) / max(1, named - before)
    note = f"{before} of {named} right without the list, {after} with it"
    yield Row(f"{case}: of wrong names", 100 * share, "%", ">= 60", ok=share >= 0.6, note=note)
    yield _rate(f"{case}: words made wrong", worse, words)


def _elsewhere(case: str, texts: list[str], mended: list[str]) -> Row:
    """Compares texts that have no own words without and with the list."""
    changed = sum(differences(keys(split(a)), keys(split(b))) for a, b in zip(texts, mended, strict=True))
    return _rate(case, changed, sum(len(split(text)) for text in texts))


def _rate(case: str, wrong: int, words: int) -> Row:
    rate = 100 * wrong / words
    return Row(case, rate, "in 100", "<= 0.2", ok=rate <= 0.2, note=f"{wrong} of {words} words")


def _by_text(text: str, own: str) -> str:
    """Returns a text as it is mended where the engine cannot tell how likely others are."""
    return OwnWords(own).mended(Segment(0.0, 1.0, " ".join(text.split())), "en").text


def _has(text: str, name: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?:['’]s)?(?!\w)", text, re.IGNORECASE))
