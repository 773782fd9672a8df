"""Published weights in hushd and in the bare package, side by side: words wrong, computing, memory, first texts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from unicodedata import normalize

import numpy as np
import psutil
import section as document
import soundfile
import soxr
from hushd import Client
from hushd_worker_stt.plausibility import differences
from hushd_worker_stt.wording import keys, split
from support import real_weights

from ..process_memory import Held, Recording
from ..stage import Row, Samples, at_16_khz, supervisor, wait_until_childless

# Each package's README has this, but for the precision that hushd takes on a CPU, and the beam of its command line.
_BARE = {
    "faster-whisper/base": """
import faster_whisper
model = faster_whisper.WhisperModel({path!r}, device="cpu", compute_type="int8")
hear = lambda samples, language: "".join(
    segment.text for segment in model.transcribe(samples, beam_size=5, language=language)[0]
)
""",
    "whisper/base": """
import whisper
model = whisper.load_model({path!r} + ".pt", device="cpu")
hear = lambda samples, language: model.transcribe(
    samples, beam_size=5, best_of=5, fp16=False, language=language
)["text"]
""",
    "transcribe-cpp/whisper-base": """
import glob, transcribe_cpp
session = transcribe_cpp.Model(glob.glob({path!r} + "/*.gguf")[0], backend="cpu").session()
hear = lambda samples, language: session.run(samples, language=language).text
""",
    "onnx-asr/base": """
import onnx_asr
model = onnx_asr.load_model("whisper", {path!r})
hear = lambda samples, language: model.recognize(samples, language=language)
""",
}
_SERVE = """
import json, sys, time
{load}
import numpy
for line in sys.stdin:
    file, language = json.loads(line)
    samples, began = numpy.load(file), time.process_time()
    text = hear(samples, language)
    print(json.dumps([text, time.process_time() - began]), flush=True)
"""
ENGINES = tuple(_BARE)
Hears = Callable[..., tuple[str, float]]
SOUNDS = ("as they are", "-20 dB", "pink noise at 10 dB", "telephone")
LANGUAGES = ("en", "fr", "pt", "es", "de")
FILE = {"whisper/base": "whisper/base.pt"}
_TELEPHONE = 8_000


@dataclass
class Side:
    """The figures of hushd or of the bare package: words wrong and words said by (sound, language), and their costs.

    Attributes:
        computing: CPU seconds, by sound; `heard` the seconds of sound.
        rest, most: MB of RSS, so with the pages of files.
        cold, cached: seconds from a process's start, or hushd's request, to the first text.
    """

    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    computing: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    rest: float = 0.0
    most: float = 0.0
    cold: float = 0.0
    cached: float = 0.0

    def add(self, clip: Clip, text: str, cpu: float) -> None:
        place = clip.sound, clip.language
        self.wrong[place] += differences(words(clip.text), words(text))
        self.said[place] += len(words(clip.text))
        self.computing[clip.sound] += cpu
        self.heard[clip.sound] += clip.seconds

    def rate(self, sound: str, language: str) -> float:
        return self.wrong[sound, language] / max(1, self.said[sound, language])

    def speed(self, sound: str) -> float:
        return self.computing[sound] / max(1e-9, self.heard[sound])


@dataclass(frozen=True)
class Clip:
    """A recording of a person, made worse in one way: a file for hushd, and its samples at 16 kHz for the package."""

    language: str
    sound: str
    text: str
    file: Path
    samples: Path
    seconds: float


def real(options: Namespace) -> Iterator[Row]:
    """Whisper base by four engines and their bare packages, on --audio DIR: words wrong, computing, memory, starts."""
    names = [name for name in _BARE if options.engine in (None, "all", name, name.partition("/")[0])]
    if not options.audio:
        yield Row("real", None, "", note="not measured: --audio names a folder of clips with their texts")
        return
    measured: dict[str, tuple[Side, Side]] = {}
    with tempfile.TemporaryDirectory(prefix="hushd-real-") as folder:
        clips = [clip for clip in _clips(options.audio, Path(folder), options.clips) if options.sound in clip.sound]
        for name in names:
            if reason := real_weights.missing(FILE.get(name, name)):
                yield Row(f"real {name}", None, "", note=f"not measured: {reason}")
                continue
            measured[name] = ours, bare = _measured(name, clips)
            yield from _rows(name, ours, bare)
            if options.document:
                load = os.getloadavg()[2]
                document.write("real", section(measured, f"{date.today():%Y-%m-%d}", load, document.read("real")))


def _rows(name: str, ours: Side, bare: Side) -> Iterator[Row]:
    for sound in filter(ours.heard.get, SOUNDS):
        for language in LANGUAGES:
            if ours.said[sound, language]:
                rate, floor = ours.rate(sound, language), bare.rate(sound, language)
                yield Row(f"real {name}: {language}, {sound}", rate, "", "bare + 0.01", floor, rate <= floor + 0.01)
        yield Row(f"real {name}: computing, {sound}", ours.speed(sound), "s/s", "", bare.speed(sound))
    for what in ("rest", "most", "cold", "cached"):
        unit = "MB" if what in ("rest", "most") else "s"
        yield Row(f"real {name}: {what}", getattr(ours, what), unit, "", getattr(bare, what))


# --- the sound -------------------------------------------------------------------------------------------------------


def _clips(audio: Path, folder: Path, most: int) -> list[Clip]:
    """Writes the first `most` clips of each language in `audio`, named `…-LANGUAGE-….ogg` and beside their texts, in
    every way."""
    made, counts = [], Counter[str]()
    for number, clip in enumerate(sorted(audio.glob("*-*-*.ogg"))):
        samples, language = at_16_khz(clip), clip.stem.split("-")[-2]
        counts[language] += 1
        if counts[language] > most:
            continue
        for way, sound in enumerate(SOUNDS):
            file = folder / f"{clip.stem}-{way}.wav"
            if sound == "telephone":
                soundfile.write(file, soxr.resample(samples, 16_000, _TELEPHONE), _TELEPHONE, subtype="ULAW")
                narrow, _ = soundfile.read(file, dtype="float32")
                worse = soxr.resample(narrow, _TELEPHONE, 16_000)
            else:
                worse = _WORSE[sound](samples, number)
                soundfile.write(file, worse, 16_000, subtype="FLOAT")
            np.save(file.with_suffix(".npy"), worse)
            text = clip.with_suffix(".txt").read_text()
            made.append(Clip(language, sound, text, file, file.with_suffix(".npy"), len(samples) / 16_000))
    return made


def _pink(samples: Samples, seed: int) -> Samples:
    """`samples` with noise 10 dB below, whose power falls by 3 dB an octave."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(len(samples)))
    noise = np.fft.irfft(white / np.sqrt(np.maximum(1, np.arange(len(white)))), len(samples))
    noise *= np.sqrt(np.mean(samples**2) / np.mean(noise**2)) * 10 ** (-10 / 20)
    return (samples + noise).astype(np.float32)


_WORSE: Mapping[str, Callable[[Samples, int], Samples]] = {
    "as they are": lambda samples, _: samples,
    "-20 dB": lambda samples, _: samples * np.float32(0.1),
    "pink noise at 10 dB": _pink,
}


def words(text: str) -> list[str]:
    return [word for word in keys(split(normalize("NFKC", text).replace("-", " ").replace("'", " "))) if word]


# --- hushd and the package -------------------------------------------------------------------------------------------


def _measured(name: str, clips: Sequence[Clip]) -> tuple[Side, Side]:
    """Hears every clip by hushd and by the package, in turns, so that both have the same load beside them."""
    ours, bare = Side(), Side()
    with _hushd(name, clips[0], ours) as hear, _bare(name, clips[0], bare) as hear_bare:
        for clip in clips:
            ours.add(clip, *hear(clip))
            bare.add(clip, *hear_bare(clip))
        time.sleep(2)  # for what a worker gives back
    return ours, bare


@contextmanager
def _hushd(name: str, first: Clip, side: Side) -> Iterator[Callable[[Clip], tuple[str, float]]]:
    """Yields what hears a clip, and tells the worker's CPU seconds; takes the starts and the memory."""
    models = str(real_weights.home())
    with supervisor("[worker]\nkeep_alive = 3600\n", HUSHD_MODELS_DIR=models) as process, Client() as client:
        for kind in ("cold", "cached"):
            client.unload(force=True)
            wait_until_childless(process)
            if kind == "cold":
                _evict(name)
            began = time.monotonic()
            client.transcribe(first.file, model=name)
            setattr(side, kind, time.monotonic() - began)
        (row,) = (row for row in client.status().workers if row.pid)
        worker = psutil.Process(row.pid)

        def hear(clip: Clip) -> tuple[str, float]:
            before = sum(worker.cpu_times()[:2])
            text = client.transcribe(clip.file, model=name).text
            return text, sum(worker.cpu_times()[:2]) - before

        with _watched(worker, side):
            yield hear


@contextmanager
def _bare(name: str, first: Clip, side: Side) -> Iterator[Callable[[Clip], tuple[str, float]]]:
    """The same with the package, in a process of its own."""
    for kind in ("cold", "cached"):
        if kind == "cold":
            _evict(name)
        began = time.monotonic()
        with package(name) as (hears, pid):
            hears(first.samples)
            setattr(side, kind, time.monotonic() - began)
            if kind == "cached":
                with _watched(psutil.Process(pid), side):
                    yield lambda clip: hears(clip.samples)


@contextmanager
def package(name: str) -> Iterator[tuple[Hears, int]]:
    """Yields what has the bare package hear a file of samples, in a language or in the one that it detects, and tells
    the CPU seconds; and its process's id."""
    program = _SERVE.format(load=_BARE[name].format(path=str(real_weights.home() / name)))
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def hear(samples: Path, language: str | None = None) -> tuple[str, float]:
            assert process.stdin
            assert process.stdout
            print(json.dumps([str(samples), language]), file=process.stdin, flush=True)
            text, seconds = json.loads(process.stdout.readline())
            return text, seconds

        yield hear, process.pid


@contextmanager
def _watched(process: psutil.Process, side: Side) -> Iterator[None]:
    """Takes a process's memory while it hears. Not PSS: the two would share the pages of files."""
    memory = Recording(lambda: {"": Held(process.memory_info().rss / 1e6)})
    memory.start()
    try:
        yield
    finally:
        memory.stop()
    sizes = [one[""].private for _, one in memory.samples]
    side.rest, side.most = sizes[-1], max(sizes)


def _evict(name: str) -> None:
    """Has the kernel forget the model's files and the engine's packages, but for what others have mapped."""
    place = real_weights.home() / FILE.get(name, name)
    folders = [place] if place.is_dir() else []
    for package in (*real_weights.PACKAGES[name.partition("/")[0]], "onnxruntime", "ctranslate2", "numpy", "scipy"):
        if (spec := find_spec(package)) and spec.submodule_search_locations:
            folders += map(Path, spec.submodule_search_locations)
    for path in [place, *(file for folder in folders for file in folder.rglob("*"))]:
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


# --- the document ----------------------------------------------------------------------------------------------------


def section(measured: Mapping[str, tuple[Side, Side]], day: str, load: float, before: str = "") -> str:
    """The figures as a section of a document, with the rows of `before` that are not measured anew."""
    new = [(name, sound) for name, pair in measured.items() for sound in pair[0].heard]
    rows = [line for line in before.splitlines() if line.startswith("| `")]
    costs = [line for line in rows if _HEARD.match(line) is None and line.split("`")[1] not in measured]
    heard = [line for line in rows if (row := _HEARD.match(line)) and row.groups() not in new]
    for name, pair in measured.items():
        for sound in filter(pair[0].heard.get, SOUNDS):
            rates = [_both(pair, partial(Side.rate, sound=sound, language=language), ".3f") for language in LANGUAGES]
            words = sum(pair[0].said[sound, language] for language in LANGUAGES)
            heard.append(f"| `{name}` {sound}, {words} words | {' | '.join(rates)} |")
        figures = (("rest", ",.0f"), ("most", ",.0f"), ("cold", ".1f"), ("cached", ".1f"))
        cells = [_both(pair, attrgetter(what), form) for what, form in figures]
        first = next(filter(pair[0].heard.get, SOUNDS))
        costs.append(f"| `{name}` | {' | '.join((*cells, _both(pair, partial(Side.speed, sound=first), '.2f')))} |")
    return "\n".join(
        [
            f"The last row is of {day}, {os.cpu_count()} cores, load {load:.0f}. Each cell: hushd / bare package.",
            "",
            f"| engine and sound | {' | '.join(LANGUAGES)} |",
            f"|---|{'---|' * len(LANGUAGES)}",
            *sorted(heard, key=lambda line: line.split("`")[1]),
            "",
            "| engine | MB at rest | MB at most | first text, files cold | from the page cache | computing |",
            "|---|---|---|---|---|---|",
            *costs,
            "",
        ]
    )


_HEARD = re.compile(r"\| `([^`]+)` ([^|]+), \d+ words \|")  # a row of the first table


def _both(pair: Sequence[Side], figure: Callable[[Side], float], form: str) -> str:
    return " / ".join(format(figure(side), form) for side in pair)
