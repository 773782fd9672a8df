"""Programs that people run for the same work, beside hushd in one run: with the same weights, over the same protocol.

`--peers` is the Python of an environment of their own, made by `uv venv DIR` and `uv pip install --python DIR
wyoming-faster-whisper wyoming-piper`. Whisper base hears in int8, as hushd has it on a CPU, and a language is named, as
Home Assistant does. Sound comes as it is spoken, and ends 0.7 s after the last word, Home Assistant's usual silence.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import psutil
import section as document
from hushd import Client
from hushd_worker_stt.plausibility import differences
from support import real_weights
from support.ports import free_port
from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.tts import Synthesize

from .hearing.real import words
from .process_memory import Held, Recording, held
from .stage import Row, Samples, at_16_khz, loud, supervisor

RATE = 16_000
CHUNK_S = 0.1
QUIET_S = 0.7  # behind the last word, after which Home Assistant ends a command
CLIPS = 5  # of a language
LANGUAGES = ("fr", "en")
AT_ONCE = 16  # programs
KEEP_ALIVE_S = 30.0
SPOKEN = "When sunlight strikes raindrops in the air, they act as a prism, and form a rainbow."
TIMES = 7
RECORDINGS = 3
VOICE = "en_US-joe-medium"
START_S = 60.0


@dataclass(frozen=True)
class Clip:
    language: str
    text: str
    samples: Samples


@dataclass(frozen=True)
class Program:
    """A program that serves: the root of its processes, and its port."""

    process: psutil.Process
    port: int

    def tree(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self.process, *self.process.children(recursive=True)]
        return []

    def cpu(self) -> float:
        """Seconds of the processor so far, with those of processes that have ended."""
        return sum(sum(process.cpu_times()[:4]) for process in self.tree())

    def held(self) -> dict[str, Held]:
        return {str(process.pid): held(process) for process in self.tree()}


_WAIT, _WRONG = "{}: wait after the end of the sound", "{}: words wrong"
_COMPUTING = "a clip, of the processor"
_RECORDING = f"{CLIPS} French clips as one recording"
_MANY = f"{AT_ONCE} programs at once, until the last has its text"
_FIRST, _SENTENCE = "first sound of a sentence of three clauses", "the whole sentence"
_FIRST_OF_FOUR, _SENTENCE_OF_FOUR = "first sound, four programs at once", "the whole sentence, four programs at once"
_MOST, _REST = "memory at most", f"memory after {KEEP_ALIVE_S:g} s of rest"
_MEMORY = ((_MOST, "MB", 1.0), (_REST, "MB", 1.0))
# Each row's name, unit and goal as a share of the peer's value.
ROWS: dict[str, tuple[tuple[str, str, float], ...]] = {
    "hears": (
        *((_WAIT.format(language), "s", 0.4) for language in LANGUAGES),
        *((_WRONG.format(language), "", 1.0) for language in LANGUAGES),
        (_COMPUTING, "s", 1.0),
        (_RECORDING, "s", 1.0),
        (_MANY, "s", 1.0),
        *_MEMORY,
    ),
    "speaks": (
        (_FIRST, "s", 1.0),
        (_SENTENCE, "s", 1.05),
        (_FIRST_OF_FOUR, "s", 1.0),
        (_SENTENCE_OF_FOUR, "s", 1.1),
        *_MEMORY,
    ),
}
PEERS = {"hears": "wyoming-faster-whisper", "speaks": "wyoming-piper"}
_WEIGHTS = {"hears": "faster-whisper/base", "speaks": f"piper/{VOICE}.onnx"}


def peers(options: Namespace) -> Iterator[Row]:
    """wyoming-faster-whisper and wyoming-piper beside hushd: waits, words, computing, memory (--peers, --audio)."""
    measured = {}
    for work, peer in PEERS.items():
        if reason := _lacking(options, work):
            yield Row(f"peers: {peer}", None, "", note=f"not measured: {reason}")
            continue
        clips = _clips(options.audio) if work == "hears" else []
        with _hushd(work) as hushd, _peer(options.peers, work) as program:
            ours, theirs = asyncio.run(_measured(work, (hushd, program), clips))
        measured[work] = ours, theirs
        for name, unit, share in ROWS[work]:
            value, floor = ours[name], theirs[name]
            yield Row(f"{work}: {name}", value, unit, f"<= {share:g} x", floor, value <= share * floor)
    if options.document and len(measured) == len(PEERS):
        document.write("peers", section(measured, f"{date.today():%Y-%m-%d}", os.getloadavg()[1]))


def _lacking(options: Namespace, work: str) -> str:
    """Says why a peer cannot be measured; empty where it can."""
    package = PEERS[work].replace("-", "_")
    if not options.peers:
        return "--peers names the Python of an environment with it"
    if subprocess.run([options.peers, "-c", f"import {package}"], capture_output=True, check=False).returncode:
        return f"it is not installed beside {options.peers}"
    if work == "hears" and not options.audio:
        return "--audio names a folder of clips with their texts"
    return real_weights.missing(_WEIGHTS[work])


def _clips(audio: Path) -> list[Clip]:
    clips = []
    for language in LANGUAGES:
        for file in sorted(audio.glob(f"*-{language}-*.ogg"))[:CLIPS]:
            samples = at_16_khz(file)
            end = (int(np.flatnonzero(loud(samples))[-1]) + 1) * RATE // 50 + round(QUIET_S * RATE)
            quiet = np.zeros(max(0, end - len(samples)), np.float32)
            clips.append(Clip(language, file.with_suffix(".txt").read_text(), np.append(samples[:end], quiet)))
    return clips


# --- the programs ----------------------------------------------------------------------------------------------------


@contextmanager
def _hushd(work: str) -> Iterator[Program]:
    role, model = ("stt", "faster-whisper/base") if work == "hears" else ("tts", f"piper/{VOICE}")
    port = free_port()
    config = f'{role} = "{model}"\n[wyoming]\nlisten = ["tcp://127.0.0.1:{port}"]\n'
    config += f"[worker]\nkeep_alive = {KEEP_ALIVE_S:g}\n"
    with supervisor(config, HUSHD_MODELS_DIR=str(real_weights.home())) as process, Client() as client:
        client.preload(f"{role}/{model}")
        yield Program(process, port)


@contextmanager
def _peer(python: str, work: str) -> Iterator[Program]:
    port, home = free_port(), real_weights.home()
    with tempfile.TemporaryDirectory(prefix="hushd-peers-") as folder:
        command = [python, "-m", PEERS[work].replace("-", "_"), "--uri", f"tcp://127.0.0.1:{port}"]
        if work == "hears":
            command += ["--model", str(home / _WEIGHTS[work]), "--data-dir", folder, "--local-files-only"]
            command += ["--compute-type", "int8", "--cpu-threads", str(os.cpu_count())]
        else:
            command += ["--voice", VOICE, "--data-dir", str(home / "piper"), "--download-dir", folder]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _wait_for(port, process)
            yield Program(psutil.Process(process.pid), port)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"scripts/bench peers: {process.args} does not listen")


# --- the work --------------------------------------------------------------------------------------------------------


async def _measured(work: str, programs: Sequence[Program], clips: Sequence[Clip]) -> list[dict[str, float]]:
    """The values of each program, by the names of their rows. They work in turns, since a machine's speed changes."""
    memories = [Recording(program.held) for program in programs]
    for memory in memories:
        memory.start()
    try:
        figures = await (_hearing(programs, clips) if work == "hears" else _speaking(programs))
    finally:
        for memory in memories:
            memory.stop()
    await asyncio.sleep(KEEP_ALIVE_S + 10)
    return [
        values | {_MOST: max(_total(each) for _, each in memory.samples), _REST: _total(program.held())}
        for values, memory, program in zip(figures, memories, programs, strict=True)
    ]


def _total(memory: Mapping[str, Held]) -> float:
    """MB of PSS, pages of files included."""
    return sum(sum(vars(each).values()) for each in memory.values())


async def _hearing(programs: Sequence[Program], clips: Sequence[Clip]) -> list[dict[str, float]]:
    waits = [defaultdict[str, list[float]](list) for _ in programs]
    wrong, said = [Counter[str]() for _ in programs], Counter[str]()
    cpu = [0.0 for _ in programs]
    for program in programs:
        await _hear(program.port, clips[0], CHUNK_S / 10)  # the first request prepares the model
    for clip in clips:
        said[clip.language] += len(words(clip.text))
        for which, program in enumerate(programs):
            before = program.cpu()
            text, wait = await _hear(program.port, clip, CHUNK_S)
            cpu[which] += program.cpu() - before
            waits[which][clip.language].append(wait)
            wrong[which][clip.language] += differences(words(clip.text), words(text))
    french = [clip for clip in clips if clip.language == LANGUAGES[0]]
    whole = Clip(LANGUAGES[0], "", np.concatenate([clip.samples for clip in french]))
    recordings = [await _all(program, [whole]) for _ in range(RECORDINGS) for program in programs]
    many = [await _all(program, [clips[n % len(clips)] for n in range(AT_ONCE)]) for program in programs]
    return [
        {
            **{_WAIT.format(language): statistics.median(waits[which][language]) for language in LANGUAGES},
            **{_WRONG.format(language): wrong[which][language] / said[language] for language in LANGUAGES},
            _COMPUTING: cpu[which] / len(clips),
            _RECORDING: statistics.median(recordings[which :: len(programs)]),
            _MANY: many[which],
        }
        for which in range(len(programs))
    ]


async def _all(program: Program, clips: Sequence[Clip]) -> float:
    """Sends clips at once, as fast as they are taken; returns the seconds until the last has its text."""
    began = time.monotonic()
    await asyncio.gather(*(_hear(program.port, clip, 0.0) for clip in clips))
    return time.monotonic() - began


async def _hear(port: int, clip: Clip, chunk_s: float) -> tuple[str, float]:
    """Sends a clip, a chunk every `chunk_s`; returns its text, and the seconds from its end to that."""
    sound = {"rate": RATE, "width": 2, "channels": 1}
    data = (np.clip(clip.samples, -1, 1) * 32767).astype("<i2").tobytes()
    size = 2 * round(CHUNK_S * RATE)
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Transcribe(language=clip.language).event())
        await client.write_event(AudioStart(**sound).event())
        began = time.monotonic()
        for number, start in enumerate(range(0, len(data), size), 1):
            await asyncio.sleep(max(0.0, began + number * chunk_s - time.monotonic()))
            await client.write_event(AudioChunk(audio=data[start : start + size], **sound).event())
        await client.write_event(AudioStop().event())
        ended = time.monotonic()
        while event := await client.read_event():
            if event.type == "transcript":
                return event.data["text"], time.monotonic() - ended
    raise SystemExit("scripts/bench peers: a program has answered without a text")


async def _speaking(programs: Sequence[Program]) -> list[dict[str, float]]:
    for program in programs:
        await _speak(program.port)
    alone, together = ([list[tuple[float, float]]() for _ in programs] for _ in range(2))
    for _ in range(TIMES):
        for program, figures in zip(programs, alone, strict=True):
            figures.append(await _speak(program.port))
    for _ in range(TIMES):
        for program, figures in zip(programs, together, strict=True):
            figures += await asyncio.gather(*(_speak(program.port) for _ in range(4)))
    return [
        {
            name: statistics.median(pair[which] for pair in pairs)
            for pairs, names in ((one, (_FIRST, _SENTENCE)), (four, (_FIRST_OF_FOUR, _SENTENCE_OF_FOUR)))
            for which, name in enumerate(names)
        }
        for one, four in zip(alone, together, strict=True)
    ]


async def _speak(port: int) -> tuple[float, float]:
    """Seconds from the request to the first sound and to the last."""
    async with AsyncTcpClient("127.0.0.1", port) as client:
        began, first = time.monotonic(), 0.0
        await client.write_event(Synthesize(text=SPOKEN).event())
        while event := await client.read_event():
            if event.type == "audio-chunk":
                first = first or time.monotonic() - began
            if event.type == "audio-stop":
                return first, time.monotonic() - began
    raise SystemExit("scripts/bench peers: a program has answered without sound")


# --- the document ----------------------------------------------------------------------------------------------------


def section(measured: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]], day: str, load: float) -> str:
    """The figures as a table."""
    lines = [
        f"Of {day}, {os.cpu_count()} cores, load {load:.0f}; hushd's `keep_alive` was {KEEP_ALIVE_S:g} s, not 300.",
        "",
        "| figure | hushd | beside it | ratio |",
        "|---|---|---|---|",
    ]
    for work, (ours, theirs) in measured.items():
        for name, unit, _ in ROWS[work]:
            form = ",.0f" if unit == "MB" else ".3f" if not unit else ".2f"
            value, floor = ours[name], theirs[name]
            ratio = f"{value / floor:.2f}" if floor else ""
            lines.append(
                f"| {work}, `{PEERS[work]}`: {name} | {value:{form}} {unit} | {floor:{form}} {unit} | {ratio} |"
            )
    return "\n".join((*lines, ""))
