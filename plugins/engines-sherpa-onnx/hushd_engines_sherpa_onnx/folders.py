"""Reads folders of sherpa-onnx's voices without the library: the family of the model, its files, its speakers.

A folder has the files that the library's makers publish for a model. Their names, and the notes in its graphs, show the
family.
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
        espeak: espeak-ng's name for the language; empty if the model does not take espeak-ng's phonemes.
        recording: a recording of the voice in the model's folder; empty if the model contains the voice.
        gender: `female`, `male`, or empty.
    """

    name: str
    number: int
    language: str
    espeak: str = ""
    recording: str = ""
    gender: str = ""


class Described(NamedTuple):
    """A model by its files.

    Attributes:
        family: `vits`, `matcha`, `kokoro`, `kitten`, `pocket` or `supertonic`.
        files: their names in its folder, by the library's names for them.
        lexicons: files with the pronunciations of words.
        rules: files with which the library rewrites the text first.
        phonemes: whether it was trained on espeak-ng's phonemes.
    """

    family: str
    files: Mapping[str, str]
    speakers: tuple[Speaker, ...]
    lexicons: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    phonemes: bool = False

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(speaker.language for speaker in self.speakers))

    def voices(self) -> list[tuple[str, Speaker]]:
        """Returns the speakers by the suffixes of voices' names; the first one is also listed without a suffix."""
        named = [(speaker.name, speaker) for speaker in self.speakers if speaker.name]
        return [("", self.speakers[0]), *named]

    def can_read(self, speaker: Speaker) -> bool:
        """Returns whether the library, or an installed espeak-ng, can read texts for a speaker."""
        return not self.phonemes or bool(self.lexicons) or bool(speaker.espeak)


UNDETERMINED = "und"
SUPERTONIC_LANGUAGES = "en ar bg cs da de el es et fi fr hi hr hu id it ja ko lt lv nl pl pt ro ru sk sl sv tr uk vi"
# The files of the families that are recognised by them; their graphs have no notes.
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
_VOCODERS = ("vocos", "matcha-tts vocos", "hifigan")
# The family by its name in a graph's notes. The styled ones need `voices.bin`, with a style for each speaker.
_BY_NOTES = {"vits": "vits", "matcha-tts": "matcha", "kokoro": "kokoro", "kitten-tts": "kitten"}
_STYLED = ("kokoro", "kitten")
_MAX_SPEAKERS = 32  # of one model: some have 900
_NAMED = {
    "english": "en", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "portuguese": "pt",
    "russian": "ru", "chinese": "zh", "japanese": "ja", "korean": "ko", "polish": "pl", "dutch": "nl",
    "persian": "fa", "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi", "arabic": "ar", "thai": "th",
}  # fmt: skip
# The languages of Kokoro's speakers, by the first letter of the name: the tag, and espeak-ng's name.
_LETTERS = {
    "a": ("en-US", "en-us"), "b": ("en-GB", "en-gb"), "e": ("es-ES", "es"), "f": ("fr-FR", "fr-fr"),
    "h": ("hi-IN", "hi"), "i": ("it-IT", "it"), "j": ("ja-JP", ""), "p": ("pt-BR", "pt-br"), "z": ("zh-CN", ""),
}  # fmt: skip


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
    return _noted(folder, names)


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
    told = content.get("languages")
    languages = [str(tag) for tag in told] if isinstance(told, list) and told else SUPERTONIC_LANGUAGES.split()
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
    styles = [Speaker(name, n, languages[0], gender=_gender(name)) for n, name in enumerate(names[:_MAX_SPEAKERS])]
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


def _noted(folder: Path, names: Sequence[str]) -> Described:
    """Describes a model of the families whose graphs have notes."""
    if "tokens.txt" not in names or not (graphs := [name for name in names if name.endswith(".onnx")]):
        raise NoModel("it is not a folder of voices with tokens.txt, or with the files of Supertonic or Pocket TTS")
    notes = {name: model_files.graph_metadata(folder / name) for name in graphs}
    if any("zipvoice" in note.get("model_type", "") for note in notes.values()):
        raise NoModel("ZipVoice has no voice of its own, and hushd imitates nobody's")
    kinds = {name: _BY_NOTES.get(note.get("model_type", "").partition(" ")[0], "") for name, note in notes.items()}
    kinds |= {name: "vocoder" for name, note in notes.items() if note.get("model_type", "") in _VOCODERS}
    model = next((name for name in _int8_first(graphs) if kinds[name] not in ("", "vocoder")), "")
    if not model:
        raise NoModel("its graphs do not say that they are a voice for sherpa-onnx")
    family, note = kinds[model], notes[model]
    if not all(note.get(key, "").isdecimal() for key in ("sample_rate", "n_speakers")):
        raise NoModel(f"{model} does not say how many speakers it has, and the rate of its sound")
    files = {"acoustic_model" if family == "matcha" else "model": model, "tokens": "tokens.txt"}
    if family == "matcha":
        files["vocoder"] = next((name for name in _int8_first(graphs) if kinds[name] == "vocoder"), "")
        if not files["vocoder"]:
            raise NoModel("a model of Matcha's has a vocoder beside it, such as vocos-22khz-univ.onnx")
        rate = notes[files["vocoder"]].get("sample_rate", note["sample_rate"])
        if rate != note["sample_rate"]:
            raise NoModel(f"{files['vocoder']} is for {rate} Hz, and {model} for {note['sample_rate']}")
    if family in _STYLED:
        files["voices"] = "voices.bin"
        _check_styles(folder / "voices.bin", note)
    lexicons = tuple(name for name in names if name.startswith("lexicon") and name.endswith(".txt"))
    rules = tuple(name for name in names if name.endswith(".fst"))
    phonemes = note.get("has_espeak") == "1" or any(maker in note.get("comment", "") for maker in ("piper", "coqui"))
    return Described(family, files, tuple(_speakers(family, note, phonemes)), lexicons, rules, phonemes)


def _int8_first(names: Sequence[str]) -> list[str]:
    return sorted(names, key=lambda name: (".int8." not in name, name))


def _check_styles(path: Path, note: Mapping[str, str]) -> None:
    """Raises `NoModel` unless the file has a style of four-byte numbers for each speaker."""
    try:
        count = int(note["n_speakers"])
        for length in note["style_dim"].split(","):
            count *= int(length)
        size = path.stat().st_size
    except (KeyError, ValueError, FileNotFoundError) as error:
        raise NoModel(
            f"{path.name}, the styles of its speakers, is missing, or its graph does not say how many"
        ) from error
    if size != 4 * count:
        raise NoModel(f"{path.name} is only a part: {size} bytes of {4 * count}")


def _speakers(family: str, note: Mapping[str, str], phonemes: bool) -> list[Speaker]:
    count = int(note["n_speakers"])
    told = [name.strip() for name in note.get("speaker_names", "").split(",") if name.strip()]
    names = told if len(told) == count else [str(number) if number else "" for number in range(count)]
    voice = note.get("voice", "") if phonemes else ""
    usual = (_tag(voice) or _NAMED.get(note.get("language", "").split(" ")[0].lower(), UNDETERMINED), voice or "")
    return [
        Speaker(
            name,
            number,
            *(_LETTERS.get(name[:1], usual) if family == "kokoro" and told else usual),
            gender=_gender(name[1:2] if family == "kokoro" else name[-1:]),
        )
        for number, name in enumerate(names[: max(_MAX_SPEAKERS, len(told))])
    ] or [Speaker("", 0, *usual)]


def _gender(mark: str) -> str:
    """Returns the gender by the letter in a speaker's name."""
    return {"f": "female", "m": "male"}.get(mark[:1].lower(), "")


def _tag(voice: str) -> str:
    """Returns the language tag for espeak-ng's name of a language: `en-US` for `en-us`."""
    language, _, country = voice.partition("-")
    language = {"cmn": "zh"}.get(language, language)
    return f"{language}-{country.upper()}" if len(country) == 2 and country.isalpha() else language


# --- for `spec.json` -------------------------------------------------------------------------------------------------


def languages(folder: Path, files: Sequence[str]) -> tuple[str, ...]:
    return tuple(tag for tag in described(folder).languages if tag != UNDETERMINED)


def memory_mb(files: Sizes) -> float:
    """Estimates Python, numpy, the library, a copy of the weights, and the runtime's memory for sentences.

    Measured with weights at random, sentences of ten words: 301 MB for a voice of piper's (63), 516 for kokoro (325).
    """
    size_mb = sum(size for file, size in files.items() if file.endswith(".onnx")) / 1e6
    return 40 + 1.1 * size_mb + min(3 * size_mb, 200)
