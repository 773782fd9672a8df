"""Reads folders of sherpa-onnx's voices without the library: the family of the model, its files, its speakers.

A folder has the files that the library's makers publish for a model, whose names show the family.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hushd_schema.engines import NoModel, Sizes, model_files


class Speaker(NamedTuple):
    """A speaker of a model.

    Attributes:
        name: empty for an only speaker.
        language: the speaker's language, of those of the model.
        recording: a recording of the voice in the model's folder; empty if the model contains the voice.
        gender: `female`, `male`, or empty.
    """

    name: str
    number: int
    language: str
    recording: str = ""
    gender: str = ""


class Described(NamedTuple):
    """A model by its files.

    Attributes:
        family: `pocket` or `supertonic`.
        files: their names in its folder, by the library's names for them.
    """

    family: str
    files: Mapping[str, str]
    speakers: tuple[Speaker, ...]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(speaker.language for speaker in self.speakers))

    def voices(self) -> list[tuple[str, Speaker]]:
        """Returns the speakers by the suffixes of voices' names; the first one is also listed without a suffix."""
        named = [(speaker.name, speaker) for speaker in self.speakers if speaker.name]
        return [("", self.speakers[0]), *named]


SUPERTONIC_LANGUAGES = "en ar bg cs da de el es et fi fr hi hr hu id it ja ko lt lv nl pl pt ro ru sk sl sv tr uk vi"
# The files of the families, by which they are recognised.
BY_NAMES = {
    "supertonic": {
        "duration_predictor": "duration_predictor*.onnx",
        "text_encoder": "text_encoder*.onnx",
        "vector_estimator": "vector_estimator*.onnx",
        "vocoder": "vocoder*.onnx",
        "tts_json": "tts.json",
        "unicode_indexer": "unicode_indexer.bin",
        "voice_style": "voice.bin",
    },
    "pocket": {
        "lm_flow": "lm_flow*.onnx",
        "lm_main": "lm_main*.onnx",
        "encoder": "encoder*.onnx",
        "decoder": "decoder*.onnx",
        "text_conditioner": "text_conditioner*.onnx",
        "vocab_json": "vocab.json",
        "token_scores_json": "token_scores.json",
    },
}
_STYLES = ("F1", "F2", "F3", "F4", "F5", "M1", "M2", "M3", "M4", "M5")
RECORDINGS = "test_wavs"
# The recordings of Pocket TTS's package, which its makers publish as voices; others are left alone.
PUBLISHED = ("bria", "loona")
_MAX_SPEAKERS = 32  # speakers of one model


def described(folder: Path) -> Described:
    """Returns the model in `folder`; checks its files, since the library ends the process for many unusable ones.

    Raises:
        NoModel: it is not a folder of any of the families, a file is missing or damaged, or the model can only clone
            voices.
        OSError: a file cannot be read.
    """
    marks = []
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if path.is_fifo():
            raise NoModel(f"{path.name} is a pipe")
        if path.is_file() and not path.name.startswith("."):
            info = path.stat()
            marks.append((path.name, info.st_size, info.st_mtime_ns))
    recordings = folder / RECORDINGS
    heard = tuple(sorted(os.listdir(recordings))) if recordings.is_dir() else ()
    return _described(folder, tuple(marks), heard)


@cache
def _described(folder: Path, marks: tuple[tuple[str, int, int], ...], recordings: tuple[str, ...]) -> Described:
    """Does the same, cached: a starting worker asks several times."""
    names = [name for name, *_ in marks]
    for family, patterns in BY_NAMES.items():
        present = {role: name for role, pattern in patterns.items() if (name := _best(names, pattern))}
        if len(present) == len(patterns):
            return (_supertonic if family == "supertonic" else _pocket)(folder, present, recordings)
        if "tts_json" in present or "lm_main" in present:
            absent = next(pattern for role, pattern in patterns.items() if role not in present)
            raise NoModel(f"{absent} is missing, which a model of this family has")
    raise NoModel("it is not a folder with the files of Supertonic or Pocket TTS")


def _best(names: Sequence[str], pattern: str) -> str:
    """Returns the file that matches `pattern`, preferably in int8; empty if there is none."""
    fitting = [name for name in names if fnmatchcase(name, pattern)]
    return min(fitting, key=lambda name: (".int8." not in name, name), default="")


def _supertonic(folder: Path, files: Mapping[str, str], _: tuple[str, ...]) -> Described:
    """Describes Supertonic, which speaks all its languages in all its styles.

    The first style is listed with each language, the others with two. The makers' styles are in the order of their
    names, five female and five male.
    """
    for name in files.values():
        if name.endswith(".onnx"):
            model_files.check_graph(folder / name)
    content = model_files.described(folder / files["tts_json"])
    if not isinstance(content.get("ae"), dict) or not isinstance(content.get("ttl"), dict):
        raise NoModel(f"{files['tts_json']} does not describe a model of Supertonic's")
    named = content.get("languages")
    languages = [str(tag) for tag in named] if isinstance(named, list) and named else SUPERTONIC_LANGUAGES.split()
    with open(folder / files["voice_style"], "rb") as file:
        numbers = [int.from_bytes(file.read(8), "little", signed=True) for _ in range(6)]
        size = file.seek(0, os.SEEK_END)
    ttl, dp = (a * b * c for a, b, c in (numbers[:3], numbers[3:]))
    if min(numbers) <= 0 or numbers[0] != numbers[3] or size != 48 + 4 * (ttl + dp):
        raise NoModel(f"{files['voice_style']} does not have the styles of speakers, or is only a part")
    if (folder / files["unicode_indexer"]).stat().st_size % 4:
        raise NoModel(f"{files['unicode_indexer']} is only a part")
    count = numbers[0]
    names = _STYLES if count == len(_STYLES) else [str(number) if number else "" for number in range(count)]
    genders = {"F": "female", "M": "male"}  # genders by the letter in a style's name
    styles = [
        Speaker(name, number, languages[0], gender=genders.get(name[:1], ""))
        for number, name in enumerate(names[:_MAX_SPEAKERS])
    ]
    others = [
        style._replace(name=f"{tag}.{style.name}" if style.number else tag, language=tag)
        for tag in languages[1:]
        for style in (styles[0], *styles[5:6])
    ]
    return Described("supertonic", files, (*styles, *others))


def _pocket(folder: Path, files: Mapping[str, str], recordings: tuple[str, ...]) -> Described:
    """Describes Pocket TTS, which contains no voice: it speaks with the voice of a recording."""
    for name in files.values():
        (model_files.check_graph if name.endswith(".onnx") else model_files.described)(folder / name)
    known = [name for name in recordings if name.removesuffix(".wav") in PUBLISHED]
    if not known:
        raise NoModel(
            f"{RECORDINGS}/{PUBLISHED[0]}.wav is missing: it speaks with the voices of its makers' package alone"
        )
    names = ["", *(name.removesuffix(".wav") for name in known[1:])]
    speakers = (
        Speaker(name, number, "en", recording=f"{RECORDINGS}/{file}")
        for number, (name, file) in enumerate(zip(names, known, strict=True))
    )
    return Described("pocket", files, tuple(speakers))


# --- for `spec.json` -------------------------------------------------------------------------------------------------


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return described(folder).languages


def memory_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the library, a copy of the weights, and the runtime's memory for sentences.

    Measured with weights at random in graphs of 63 and 325 MB, sentences of ten words: 301 and 516 MB.
    """
    size_mb = sum(size for file, size in files.items() if file.endswith(".onnx")) / 1e6
    return 40 + 1.1 * size_mb + min(3 * size_mb, 200)
