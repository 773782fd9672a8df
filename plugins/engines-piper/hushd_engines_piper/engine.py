"""piper: neural voices in about fifty languages, each a file of 20 to 120 MB; GPL-3.0, hence a separate extra.

A voice is `piper/NAME.onnx` with `piper/NAME.onnx.json` in hushd's models folder, named as in piper's own collection:
`fr_FR-siwis-medium`. Each voice is a model, and so has its own worker; a worker also speaks with another voice if a
text requests it. The engine downloads nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from hushd_models import advice, weights
from hushd_models.installation import engine_command, package_command
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.names import is_name
from hushd_reading.pronunciation import parts
from hushd_schema import engines
from hushd_worker import compute_device
from hushd_worker.errors import importing, loading
from hushd_worker.quick_start import read_ahead
from hushd_worker_tts.engine import AudioChunk, Engine, Model, Voice, greeting
from hushd_worker_tts.engines import phoneme_voices
from hushd_worker_tts.engines.phoneme_voices import word_marks

if TYPE_CHECKING:
    from .graph import Graph

SPEC = engines.get("piper")

INSTALL = engine_command(SPEC)
# The usual pace of reading aloud; not measured, since no voices were available.
WPM = 170
# Of the published voices with one speaker.
_FEMALE = (
    "alba", "amy", "anna", "berta", "claude", "cori", "daniela", "eva_k", "gosia", "hfc_female", "huayan", "irina",
    "jenny_dioco", "kathleen", "kerstin", "kristin", "lada", "lessac", "lisa", "ljspeech", "marylux", "nathalie",
    "paola", "priyamvada", "ramona", "rapunzelina", "salka", "siwis", "southern_english_female", "ugla", "upc_ona",
)  # fmt: skip
_MALE = (
    "alan", "alex", "amir", "artur", "bryce", "bui", "cadu", "carlfm", "danny", "darkman", "davefx", "denis",
    "dmitri", "faber", "fahrettin", "fettah", "gilles", "harri", "hfc_male", "imre", "jeff", "jirka", "joe",
    "john", "kareem", "karlsson", "kusal", "mc_speech", "mihai", "norman", "northern_english_male", "pavoque",
    "pim", "pratham", "rdh", "reza_ibrahim", "riccardo", "rohan", "ronnie", "ruslan", "ryan", "steinn", "thorsten",
    "thorsten_emotional", "tom", "upc_pau", "venkatesh",
)  # fmt: skip
_LANGUAGE = re.compile(r"([a-z]{2,3})_([A-Z]{2})-")
_OPENING = re.compile(r"\[(?=\[)")  # the package reads text in double brackets as phonemes
_MAX_SPEAKERS = 32  # speakers of one file: some have 900, without names


class Piper(Engine):
    """The engine. It can only use less memory with a voice of lower quality, which is another model.

    Each speaker of a file is a voice: `en_GB-vctk-medium` and `en_GB-vctk-medium.p239`.
    """

    SPEC = SPEC

    def __init__(self, model: str) -> None:
        self._model = model
        self._voices: dict[str, tuple[Any, Graph]] = {}

    @classmethod
    def models(cls) -> tuple[Model, ...]:
        files = _files()
        return phoneme_voices.models(
            SPEC, files, lambda name: (_details(name, files.get(name)).language,), ready=cls.available()
        )

    @classmethod
    def voices(cls) -> tuple[Voice, ...]:
        if not cls.available():
            return ()
        files = _files()
        return tuple(
            Voice(
                name=f"{name}.{speaker}" if speaker else name,
                language=details.language,
                gender=_gender(name),
                model=name,
                installed=name in files,
                sample=greeting(details.language, speaker or name.split("-")[1] if "-" in name else name),
                wpm=WPM,
            )
            for name in sorted(files.keys() | SPEC.models.keys())
            for details in (_details(name, files.get(name)),)
            for speaker in ("", *details.speakers)
        )

    def load(self, report: Callable[[str], None]) -> None:
        report(f"piper and its voice {self._model}")
        loaded, graph = self._voice(self._model)
        self.reads_phonemes = str(loaded.config.phoneme_type.value) == "espeak"  # some models read letters, or pinyin
        self.begins_early = len(graph.sessions) > 1

    def synthesize(self, text: str, voice: Voice, speed: float) -> Iterator[AudioChunk]:
        import numpy as np

        loaded, graph = self._voice(voice.model)
        config = loaded.config
        speaker = config.speaker_id_map.get(voice.name.removeprefix(f"{voice.model}."), config.default_speaker_id)
        scales = np.array((config.noise_scale, config.length_scale / speed, config.noise_w_scale), np.float32)
        given = {"scales": scales} | ({"sid": np.array([speaker])} if config.num_speakers > 1 else {})
        try:
            sentences = [phonemes for phonemes in loaded.phonemize(_raw(text)) if phonemes]
        except ImportError as error:
            language = voice.language.partition("-")[0]
            raise HushdError(
                "engine_missing",
                f"The voice {voice.model} needs more than piper itself ({reason(error)}): "
                f"{package_command(f'piper-tts[{language}]')}.",
            ) from error
        made = []
        for phonemes in sentences:
            ids = loaded.phonemes_to_ids(phonemes)
            given |= {"input": np.array([ids]), "input_lengths": np.array([len(ids)])}
            made.append((phonemes, len(ids), *graph.run(given, self.ahead_s)))
        marks = word_marks(text, _phonemes(made, config))
        for *_, sound in made:
            for samples in sound:
                if len(samples):
                    yield AudioChunk(samples.clip(-1, 1), config.sample_rate, marks)
                    marks = ()

    def _voice(self, name: str) -> tuple[Any, Graph]:
        """Returns the package's voice, which makes phonemes of a text, and the graph that makes sound of them."""
        if name not in self._voices:
            read_ahead(filter(None, [_files().get(name)]))
            with importing("The engine piper does not load", INSTALL):
                from piper import PiperConfig, PiperVoice

                from .graph import Graph  # noqa: PLC0415 - imports numpy and onnxruntime
            path = _files().get(name)
            if path is None:
                raise advice.missing(f"piper/{name}")
            again = f"replace {path} and {_description(path).name} by complete copies"
            with loading(f"piper/{name}", install=INSTALL, again=again):
                config = PiperConfig.from_dict(json.loads(_description(path).read_bytes()))
                graph = Graph(path, config.sample_rate)
                loaded = PiperVoice(session=graph.sessions[0], config=config, download_dir=path.parent)
                self.compute_device = compute_device.of_sessions(graph.sessions)
            self._voices[name] = loaded, graph
        return self._voices[name]


def _raw(text: str) -> str:
    """Returns the text with phonemes in the package's double brackets, and without such brackets in words."""
    return "".join(
        f"[[{part}]]" if phonemes else _OPENING.sub(" ", part).replace("\0", " ") for part, phonemes in parts(text)
    )


def _phonemes(made: Sequence[tuple[Any, ...]], config: Any) -> Iterator[tuple[str, float]]:
    """Yields phonemes and their starts in seconds, for voices that were exported with alignments.

    A phoneme has its own numbers and that of a pad, in the package's order: begin, the phonemes, end.
    """
    numbers = config.phoneme_id_map
    begin = 0.0
    for phonemes, count, frames, samples, _ in made:
        all_of_them = ["^", *phonemes, "$"]
        counts = [len(numbers.get(each, ())) + len(numbers["_"]) * (each != "$") for each in all_of_them]
        if frames is not None and sum(counts) == count == len(frames):
            at = 0
            for phoneme, of_it in zip(all_of_them, counts, strict=True):
                yield phoneme, begin + float(frames[:at].sum()) * config.hop_length / config.sample_rate
                at += of_it
        begin += samples / config.sample_rate


# --- its files -------------------------------------------------------------------------------------------------------


class _Details(NamedTuple):
    language: str
    speakers: tuple[str, ...]


def _files() -> dict[str, Path]:
    """Returns the installed voices by name."""
    return {
        path.stem: path
        for path in weights.entries("piper")
        if path.suffix == ".onnx" and is_name(path.stem) and path.is_file() and _description(path).is_file()
    }


def _description(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _details(name: str, path: Path | None) -> _Details:
    if path is not None:
        description = _description(path)
        return _read(description, description.stat().st_mtime_ns)
    match = _LANGUAGE.match(name)
    return _Details(f"{match[1]}-{match[2]}" if match else "und", ())


@cache
def _read(description: Path, changed: int) -> _Details:
    """Returns the details in a voice's description."""
    try:
        content = json.loads(description.read_bytes())
        speakers = sorted(content.get("speaker_id_map") or {}, key=content["speaker_id_map"].get)
        code = (content.get("language") or {}).get("code") or content["espeak"]["voice"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _Details("und", ())  # reported by the load
    names = tuple(speakers[:_MAX_SPEAKERS]) if len(speakers) > 1 else ()
    return _Details(str(code).replace("_", "-"), names)


def _gender(name: str) -> str:
    """Returns the gender of a known voice, or nothing."""
    speaker = name.split("-")[1] if name.count("-") == 2 else ""
    return "female" if speaker in _FEMALE else "male" if speaker in _MALE else ""
