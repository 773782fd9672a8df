"""Measures full-size models in hushd against its expectations and against their bare libraries."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
import section as document
from full_size.catalogue import MODELS
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_supervisor.system.memory.needs import Estimate

from .process_memory import Recording, held
from .stage import SENTENCE, Row, recording, supervisor, wait_until_childless

# Each loads the model as its package's README has it, with the precision that hushd takes on a CPU.
_BARE = {
    "onnx-asr": "import onnx_asr; onnx_asr.load_model({kind!r}, {path!r}, quantization={precision!r})",
    "whisper": "import whisper; whisper.load_model({path!r} + '.pt')",
    "faster-whisper": "import faster_whisper as f; f.WhisperModel({path!r}, device='cpu', compute_type='int8')",
    "transcribe-cpp": "import glob, transcribe_cpp as t; t.Model(glob.glob({path!r} + '/*.gguf')[0], backend='cpu')",
    "kokoro": "from kokoro_onnx import Kokoro; Kokoro({path!r} + '.onnx', {folder!r} + '/voices-v1.0.bin')",
    "piper": "from piper import PiperVoice; PiperVoice.load({path!r} + '.onnx')",
}
_TIMES = "import time\nbegan = time.monotonic()\n{load}\nprint(time.process_time(), time.monotonic() - began)\n"
_SPEAKING = ("kokoro", "piper")
# Torch's threads wait for each other at every layer, which takes minutes on a busy machine.
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
_FP32 = "-fp32"


@dataclass(frozen=True)
class Taken:
    """A model's figures: MB of 10^6 bytes, and seconds.

    Attributes:
        expected: the need before the first start, by the files or the catalogue; None if unknown.
        learnt: the need for the next start, after one job.
        peak: the most private memory in load and job.
        cpu, wall: from the process's start until it was ready; `bare` the library's in a fresh process, `floor` reading
            the files from the page cache on one core.
    """

    model: str
    expected: float | None
    learnt: float
    private: float
    mapped: float
    peak: float
    cpu: float
    wall: float
    bare_cpu: float
    bare_wall: float
    floor: float


def full_size(options: Namespace) -> Iterator[Row]:
    """Each model in --models DIR: its memory against what hushd expects, its load against the bare library's."""
    names = [name for name in MODELS if options.models and _files(options.models, name)]
    if not names:
        yield Row("fullsize", None, "", note="not measured: --models names a folder that `scripts/fullsize make` fills")
        return
    for name in names:
        engine, _, model = name.partition("/")
        if options.engine not in (None, "all", engine, model, name):
            continue
        if engine not in _BARE:
            yield Row(
                f"fullsize {name}", None, "", note="not measured: how its library alone loads it is not known here"
            )
            continue
        try:
            taken = _measured(options.models, name)
        except (HushdError, subprocess.SubprocessError) as error:
            yield Row(f"fullsize {name}", None, "", note=f"not measured: {error}")
            continue
        yield from _rows(taken)
        if (
            options.document
        ):  # at once: a model of this size takes minutes, and the next may be too much for the machine
            before = document.read("fullsize")
            document.write("fullsize", section([taken], str(date.today()), os.getloadavg()[0], before))


def _files(models: Path, name: str) -> list[Path]:
    """The files that a model's engine reads."""
    engine, _, model = name.partition("/")
    folder = models / name
    places = folder.iterdir() if folder.is_dir() else [models / engine / f"{model}{end}" for end in (".pt", ".onnx")]
    return [path for path in places if path.is_file()]


def _measured(models: Path, name: str) -> Taken:
    """A model's figures.

    Raises:
        HushdError: hushd refused the load or the job, or ended its worker after it.
        subprocess.SubprocessError: the bare library did not load it.
    """
    engine, _, model = name.partition("/")
    role = "tts" if engine in _SPEAKING else "stt"
    expected = Estimate(models)(f"{role}/{name}").memory / 1e6
    bare_cpu, bare_wall = _bare(models, name)
    threads = _ONE_THREAD if engine == "whisper" else {}
    with (
        supervisor("[worker]\nkeep_alive = 600\n", HUSHD_MODELS_DIR=str(models), **threads) as process,
        Client() as client,
    ):
        memory = Recording(
            lambda: {str(child.pid): held(child) for child in process.children(recursive=True)}, pause=0.05
        )
        memory.start()
        began = time.monotonic()
        client.preload(f"{role}/{engine}/{model}")
        wall = time.monotonic() - began
        (row,) = [row for row in client.status().workers if row.pid]
        assert row.pid
        worker = psutil.Process(row.pid)
        cpu = sum(worker.cpu_times()[:2])
        if role == "tts":
            list(client.synthesize(SENTENCE, engine=engine, model=model))
        else:
            client.transcribe(recording("beckett.wav"), engine=engine, model=model, language="en")
        time.sleep(1)
        # Not the one that was loaded first: it may have been ended, and another process have taken the job.
        after = [row.pid for row in client.status().workers if row.pid]
        memory.stop()
        client.unload(force=True)
        wait_until_childless(process)
        (learnt,) = [row.need_mb for row in client.status().workers if row.model == model]
    if not after:
        raise HushdError("worker_lost", "hushd ended its worker after the job")
    rest = next(sample[str(after[0])] for _, sample in reversed(memory.samples) if str(after[0]) in sample)
    peak = max(one.private for _, sample in memory.samples for one in sample.values())
    return Taken(
        name, expected or None, learnt, rest.private, rest.mapped,
        peak,
        cpu, wall, bare_cpu, bare_wall, _floor(_files(models, name)),
    )  # fmt: skip


def _bare(models: Path, name: str) -> tuple[float, float]:
    """CPU seconds and wall seconds of a fresh process that loads a model with nothing but its library."""
    engine, _, model = name.partition("/")
    kind, precision = ("nemo-conformer-tdt", None) if model.endswith(_FP32) else (model, "int8")
    load = _BARE[engine].format(path=str(models / name), folder=str(models / engine), kind=kind, precision=precision)
    program = _TIMES.format(load=load)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    cpu, wall = (float(word) for word in done.stdout.split()[-2:])
    return cpu, wall


def _floor(files: Sequence[Path]) -> float:
    """CPU seconds of reading files that the kernel has in its cache."""
    buffer = bytearray(1 << 20)
    for _ in range(2):  # the first time brings them there
        began = time.process_time()
        for path in files:
            with open(path, "rb", buffering=0) as file:
                while file.readinto(buffer):
                    pass
    return time.process_time() - began


def _rows(taken: Taken) -> Iterator[Row]:
    case = f"fullsize {taken.model}"
    yield Row(f"{case}: private at rest", taken.private, "MB", note=f"mapped {taken.mapped:.0f}")
    yield Row(
        f"{case}: learnt", taken.learnt, "MB", "0.95 to 1.10 x", taken.peak, 0.95 <= taken.learnt / taken.peak <= 1.1
    )
    if taken.expected:
        fits = 0.9 <= taken.expected / taken.peak <= 1.2
        yield Row(f"{case}: expected", taken.expected, "MB", "0.9 to 1.2 x", taken.peak, fits)
    yield Row(f"{case}: load, CPU", taken.cpu, "s", "", taken.bare_cpu, note=f"reading the files {taken.floor:.2f} s")


def section(measured: Sequence[Taken], day: str, load: float, before: str = "") -> str:
    """The figures as a section of a document, with those rows of the section `before` that are not measured anew."""
    heads = (
        "model", "expected / learnt", "most private, load and job", "private at rest", "of files",
        "load / bare library / reading the files",
    )  # fmt: skip
    rows = {line.split("`")[1]: line for line in before.splitlines() if line.startswith("| `")}
    for taken in measured:
        cells = (
            f"`{taken.model}`",
            f"{_megabytes(taken.expected)} / {_megabytes(taken.learnt)}",
            f"{taken.peak:,.0f}",
            f"{taken.private:,.0f}",
            f"{taken.mapped:,.0f}",
            f"{taken.cpu:.1f} / {taken.bare_cpu:.1f} / {taken.floor:.2f}",
        )
        rows[taken.model] = f"| {' | '.join(cells)} |"
    lines = [
        f"The last row is of {day}, {os.cpu_count()} cores, load {load:.0f}, so no wall times. MB; CPU seconds from "
        "the start of the process until the model was ready, with imports.",
        "",
        f"| {' | '.join(heads)} |",
        "|---|---|---|---|---|---|",
        *(rows[name] for name in dict.fromkeys([*MODELS, *rows]) if name in rows),
        "",
    ]
    return "\n".join(lines)


def _megabytes(value: float | None) -> str:
    return f"{value:,.0f}" if value else "–"
