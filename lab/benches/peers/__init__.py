"""Programs that people run for the same work, beside hushd in one run: with the same weights, over the same protocol.

They are those of `scripts/setup --engines all`, and whisper.cpp's server is the program that `--whisper-server` names,
built with optimization. Whisper base hears in int8, as hushd has it on a CPU (whisper.cpp in float16), and a language
is named. Over Wyoming sound comes as it is spoken, and ends 0.7 s after the last word, Home Assistant's usual silence;
over HTTP a recording comes as a file.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import section as document
from hushd_worker_stt.plausibility import differences

from ..hearing.real import words
from ..process_memory import Held, Recording
from ..stage import Row, at_16_khz, loud
from .doors import CHUNK_S, RATE, Clip
from .programs import KEEP_ALIVE_S, PEERS, Program, hushd

QUIET_S = 0.7  # behind the last word, after which Home Assistant ends a command
CLIPS = 5  # of a language
LANGUAGES = ("fr", "en")
AT_ONCE = 16  # programs
TIMES = 7
RECORDINGS = 3

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


def peers(options: Namespace) -> Iterator[Row]:
    """Speech servers that people run, beside hushd: waits, words, computing, memory (--audio)."""
    measured = {}
    for peer in PEERS:
        if reason := peer.lacks(options):
            yield Row(f"peers: {peer.name}", None, "", note=f"not measured: {reason}")
            continue
        clips = _clips(options.audio) if peer.work == "hears" else []
        with hushd(peer) as own, peer.running(options) as program:
            ours, theirs = asyncio.run(_measured(peer.work, (own, program), clips))
        measured[peer.name] = ours, theirs
        for name, unit, share in ROWS[peer.work]:
            value, floor = ours[name], theirs[name]
            yield Row(f"{peer.name}: {name}", value, unit, f"<= {share:g} x", floor, value <= share * floor)
    if options.document and len(measured) == len(PEERS):
        document.write("peers", section(measured, f"{date.today():%Y-%m-%d}", os.getloadavg()[1]))


def _clips(audio: Path) -> list[Clip]:
    clips = []
    for language in LANGUAGES:
        for file in sorted(audio.glob(f"*-{language}-*.ogg"))[:CLIPS]:
            samples = at_16_khz(file)
            end = (int(np.flatnonzero(loud(samples))[-1]) + 1) * RATE // 50 + round(QUIET_S * RATE)
            quiet = np.zeros(max(0, end - len(samples)), np.float32)
            clips.append(Clip(language, file.with_suffix(".txt").read_text(), np.append(samples[:end], quiet)))
    return clips


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
        await program.hear(program.port, clips[0], CHUNK_S / 10)  # the first request prepares the model
    for clip in clips:
        said[clip.language] += len(words(clip.text))
        for which, program in enumerate(programs):
            before = program.cpu()
            text, wait = await program.hear(program.port, clip, CHUNK_S)
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
    await asyncio.gather(*(program.hear(program.port, clip, 0.0) for clip in clips))
    return time.monotonic() - began


async def _speaking(programs: Sequence[Program]) -> list[dict[str, float]]:
    for program in programs:
        await program.speak(program.port)
    alone, together = ([list[tuple[float, float]]() for _ in programs] for _ in range(2))
    for _ in range(TIMES):
        for program, figures in zip(programs, alone, strict=True):
            figures.append(await program.speak(program.port))
    for _ in range(TIMES):
        for program, figures in zip(programs, together, strict=True):
            figures += await asyncio.gather(*(program.speak(program.port) for _ in range(4)))
    return [
        {
            name: statistics.median(pair[which] for pair in pairs)
            for pairs, names in ((one, (_FIRST, _SENTENCE)), (four, (_FIRST_OF_FOUR, _SENTENCE_OF_FOUR)))
            for which, name in enumerate(names)
        }
        for one, four in zip(alone, together, strict=True)
    ]


# --- the document ----------------------------------------------------------------------------------------------------


def section(measured: Mapping[str, tuple[Mapping[str, float], Mapping[str, float]]], day: str, load: float) -> str:
    """The figures as a table for each work, with a column for each peer."""
    lines = [
        f"Of {day}, {os.cpu_count()} cores, load {load:.0f}; hushd's `keep_alive` was {KEEP_ALIVE_S:g} s, not 300. "
        "Each cell: hushd / the other program.",
    ]
    for work, rows in ROWS.items():
        names = [peer.name for peer in PEERS if peer.work == work and peer.name in measured]
        lines += ["", f"| figure | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for row, unit, _ in rows:
            form = ",.0f" if unit == "MB" else ".3f" if not unit else ".2f"
            cells = (" / ".join(f"{values[row]:{form}}" for values in measured[name]) for name in names)
            lines.append(f"| {f'{row}, {unit}' if unit else row} | {' | '.join(cells)} |")
    return "\n".join((*lines, ""))
