"""Replays the incident behind hushd: full-size models in one server, used, idle and unloaded, beside hushd."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psutil
import section as document
from full_size.chatterbox import PYTHON
from hushd import Client
from hushd_protocol.errors import HushdError
from picture import draw

from .process_memory import Held, Recording, by_kind, held, total
from .stage import Row, recording, supervisor, wait_until_childless

STT = "nemo-parakeet-tdt-0.6b-v3"
TEXT = "Both are loaded."
PICTURE = document.DOCS / "pictures/incident.svg"
KEEP_S, REST_S = 45, 5
BUDGETS = (1600, 3000)  # MB: in the first only one of both fits
TURNS = 2  # requests for each model, in turn, under each budget
STAGES = ("used", "idle", "given back")
_WIDTHS = (50, 20, 30)  # of the picture's stages
_NAMES = ("supervisor", "TTS worker", "STT worker")


@dataclass(frozen=True)
class Speaker:
    """The model that speaks.

    Attributes:
        python: of the environment that has its package.
        load: statements that make `tts`.
        speak: one that has it say TEXT.
    """

    engine: str
    model: str
    words: str
    python: str
    load: str
    speak: str


def speaker() -> Speaker:
    """Chatterbox where its environment is named, else kokoro."""
    python = os.environ.get(PYTHON, "")
    if python:
        return Speaker(
            "chatterbox", "english", "Chatterbox (chatterbox-tts 0.1.7)", python,
            "from chatterbox.tts import ChatterboxTTS\n"
            'tts = ChatterboxTTS.from_local(models / "chatterbox/english", "cpu")',
            f"tts.generate({TEXT!r})",
        )  # fmt: skip
    return Speaker(
        "kokoro", "kokoro-v1.0", "kokoro in Chatterbox's place", sys.executable,
        "from kokoro_onnx import Kokoro\n"
        'tts = Kokoro(str(models / "kokoro/kokoro-v1.0.onnx"), str(models / "kokoro/voices-v1.0.bin"))',
        f"tts.create({TEXT!r}, voice='af_heart', speed=1.0, lang='en-us')",
    )  # fmt: skip


# A typical server: both models stay loaded; each line on standard input starts the next stage.
_SERVER = """
import ctypes, gc, sys
from pathlib import Path
models, clip = Path(sys.argv[1]), sys.argv[2]
def stage(name):
    print(name, flush=True)
    sys.stdin.readline()
import onnx_asr
name = "nemo-parakeet-tdt-0.6b-v3"
stt = onnx_asr.load_model(name, models / "onnx-asr" / name, quantization="int8")
{load}
stt.recognize(clip)
{speak}
stage("idle")
del stt, tts
gc.collect()
stage("given back")
ctypes.CDLL(None).malloc_trim(0)
stage("trimmed")
"""


# Torch's threads wait for each other at every layer: on a busy machine a sentence of Chatterbox took ten minutes.
THREADS = {"OMP_NUMTHREADS": "1"}


def incident(options: Namespace) -> Iterator[Row]:
    """Parakeet and Chatterbox of full size in one process, against hushd; --models DIR, --document."""
    missing = _missing(options)
    if missing:
        yield Row("incident", None, "MB", note=f"not measured: {missing}")
        return
    voice = speaker()
    yield Row("incident: the second model", None, "", note=voice.words)
    server = _play_server(voice, options.models)
    ours = _play_hushd(voice, options.models)
    figures = _figures(server, ours)
    for name, value in figures.items():
        yield Row(f"incident: {name}", value, "MB")
    turns = [_turns(voice, options.models, budget) for budget in BUDGETS]
    for turn in turns:
        note = f"of {2 * TURNS}, with a budget of {turn.budget:.0f} MB{turn.why}"
        yield Row("incident: refused", turn.refused, "", "0", ok=turn.refused == 0, note=note)
    if options.document:
        document.write("incident", section(figures, turns, voice, str(date.today()), os.getloadavg()[0]))
        PICTURE.write_text(picture(server, ours, figures))


def _missing(options: Namespace) -> str:
    """Returns the reason why nothing can be measured; empty if it can."""
    if options.models is None:
        return "--models names a folder that `scripts/fullsize make` has filled"
    voice = speaker()
    for model in (f"onnx-asr/{STT}", voice.engine):
        if not (options.models / model).exists():
            return f"{options.models} has no {model}: `scripts/fullsize make` makes it"
    return "" if find_spec("onnx_asr") else "onnx-asr is not installed"


def _play_server(voice: Speaker, models: Path) -> Recording:
    program = _SERVER.format(load=voice.load, speak=voice.speak)
    command = [voice.python, "-c", program, str(models), str(recording("beckett.wav"))]
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **THREADS},
        text=True,
    )
    assert server.stdin
    assert server.stdout
    process = psutil.Process(server.pid)
    memory = Recording(lambda: {"server": held(process)})
    memory.start()
    memory.stage("used")
    try:
        for line in server.stdout:
            if line.strip() in ("idle", "given back", "trimmed"):
                memory.stage(line.strip())
                time.sleep(REST_S)
                memory.stage(f"after {line.strip()}")  # so that the next step does not count
                if line.strip() == "trimmed":
                    break
                server.stdin.write("\n")
                server.stdin.flush()
    finally:
        memory.stop()
        server.kill()
        server.wait()
    if len(memory.stages) < 7:
        raise SystemExit("scripts/bench: the server with both models ended early")
    return memory


def _play_hushd(voice: Speaker, models: Path) -> Recording:
    with _hushd(voice, models, KEEP_S) as (process, client):
        memory = Recording(lambda: by_kind(process))
        memory.start()
        memory.stage("used")
        _speak(client, voice)
        _listen(client)
        memory.stage("idle")
        time.sleep(REST_S)
        memory.stage("given back")
        wait_until_childless(process, 2 * KEEP_S)
        time.sleep(REST_S)
        memory.stop()
    return memory


@contextmanager
def _hushd(
    voice: Speaker, models: Path, keep_alive: float, share: float = 0.8
) -> Iterator[tuple[psutil.Process, Client]]:
    config = f"""
memory_share = {share}
[worker]
keep_alive = {keep_alive}
[worker."tts/{voice.engine}"]
command = ["{voice.python}", "-m", "hushd_worker_tts"]
"""
    with supervisor(config, HUSHD_MODELS_DIR=str(models), **THREADS) as process, Client() as client:
        yield process, client


def _speak(client: Client, voice: Speaker) -> None:
    list(client.synthesize(TEXT, engine=voice.engine, model=voice.model))


def _listen(client: Client) -> None:
    client.transcribe(recording("beckett.wav"), engine="onnx-asr", model=STT, language="en")


@dataclass(frozen=True)
class Turns:
    """Requests for two models in turn.

    Attributes:
        budget: of the supervisor, in MB.
        why: the first refusal's code, with a colon before it, if there was one.
    """

    budget: float
    refused: int
    why: str = ""


def _turns(voice: Speaker, models: Path, budget: float) -> Turns:
    share = budget * 1e6 / psutil.virtual_memory().total
    with _hushd(voice, models, -1, share) as (_, client):
        budget, refusals = client.status().memory.budget_mb, []
        for _ in range(TURNS):
            for ask in (lambda: _listen(client), lambda: _speak(client, voice)):
                try:
                    ask()
                except HushdError as error:
                    refusals.append(error.code)
    return Turns(budget, len(refusals), f": {refusals[0]}" if refusals else "")


# --- figures ----------------------------------------------------------------------------------------------------------


def _figures(server: Recording, ours: Recording) -> dict[str, float]:
    return {
        "one process, idle": server.last("idle").private,
        "one process, idle: mapped besides": server.last("idle").mapped,
        "one process, most while loading and at work": server.peak("used"),
        "one process, after del and gc.collect": server.last("given back").private,
        "one process, after malloc_trim too": server.last("trimmed").private,
        "hushd, both idle": ours.last("idle").private,
        "hushd, both idle: mapped besides": ours.last("idle").mapped,
        "hushd, most while loading and at work": ours.peak("used"),
        "hushd, after keep_alive": ours.last("given back").private,
        "hushd, after keep_alive: mapped besides": ours.last("given back").mapped,
    }


def section(figures: Mapping[str, float], turns: Sequence[Turns], voice: Speaker, day: str, load: float) -> str:
    """The figures as a section of a document."""

    def mb(name: str) -> str:
        return f"{figures[name]:,.0f}"

    rows = [
        ("both used, then idle", "idle", "both idle"),
        ("of files, besides, which the kernel may drop", "idle: mapped besides", "both idle: mapped besides"),
        ("the most while loading and at work", "most while loading and at work", "most while loading and at work"),
    ]
    lines = [
        "![Memory of both, used, idle and given back](pictures/incident.svg)",
        "",
        f"Of {day}: Parakeet TDT 0.6b v3 int8 and {voice.words}, weights at random, "
        f"hushd {version('hushd')}; {os.cpu_count()} cores, load {load:.0f}, one thread each. Private memory in MB.",
        "",
        "| | one Python process | hushd |",
        "|---|---|---|",
        *(f"| {words} | {mb(f'one process, {one}')} | {mb(f'hushd, {own}')} |" for words, one, own in rows),
        f"| given back: `del` and `gc.collect()`; `keep_alive` | {mb('one process, after del and gc.collect')} | "
        f"{mb('hushd, after keep_alive')} |",
        f"| `malloc_trim(0)` too | {mb('one process, after malloc_trim too')} | |",
        "",
        *(
            f"With a budget of {turn.budget:,.0f} MB and both in turn, {turn.refused} of {2 * TURNS} requests "
            f"were refused{f' (`{turn.why[2:]}`)' if turn.why else ''}."
            for turn in turns
        ),
        "",
    ]
    return "\n".join(lines)


def picture(server: Recording, ours: Recording, figures: Mapping[str, float]) -> str:
    """Private memory, hushd's processes stacked, the server's as a dashed line; each stage as wide for both."""
    theirs = _laid_out(server, STAGES[:2]) + _laid_out(server, STAGES[2:], "trimmed")
    own = _laid_out(ours, STAGES)
    times = [second for second, _ in own]
    beside = [_at(theirs, second) for second in times]
    title = (
        f"Two models of full size: {figures['one process, after del and gc.collect']:,.0f} MB stay in one process "
        f"that unloads them, {figures['hushd, after keep_alive']:,.0f} in hushd"
    )
    begins = [sum(_WIDTHS[:place]) for place in range(len(_WIDTHS))]
    words = ("load, use", "idle", "unloaded")
    return draw(
        title,
        times,
        {name: [sample.get(name, Held()).private for _, sample in own] for name in _NAMES},
        list(zip(map(float, begins), words, strict=True)),
        beside=("both models in one Python process: idle, del and gc.collect, malloc_trim", beside),
        span_text="not to scale",
    )


def _laid_out(memory: Recording, stages: Sequence[str], then: str = "") -> list[tuple[float, Mapping[str, Held]]]:
    """The samples of stages at the picture's places; `then` shares the last stage's width with it."""
    laid = []
    for stage in stages:
        place = STAGES.index(stage)
        begin, width = sum(_WIDTHS[:place]), _WIDTHS[place] / (2 if then else 1)
        laid += [(begin + width * share, sample) for share, sample in memory.within(stage)]
        if then:
            laid += [(begin + width * (1 + share), sample) for share, sample in memory.within(then)]
    return laid


def _at(samples: Sequence[tuple[float, Mapping[str, Held]]], second: float) -> float:
    """The private memory of the last sample before a time."""
    before = [sample for when, sample in samples if when <= second]
    return total(before[-1] if before else samples[0][1]).private
