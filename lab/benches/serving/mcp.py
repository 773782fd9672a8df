"""Measures `hushd mcp`: answer time and memory beside an empty server on the same SDK; and a turn of a conversation."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import soundfile
from support.sound_loop import Monitor, SoundLoop

from ..process_memory import held
from ..speaking.playing import own_loop, sound_loop
from ..stage import BIN, Row, mb, recording, supervisor

RUNS = 11
TURNS = 7
SESSIONS = 10
REST_S = 75.0  # a minute, after which the process for calls leaves, and some
ANSWER_S = 3.0
SILENCE_S = 0.8
LOUD = 100  # of a sample; the sink adds no noise

EMPTY = "from mcp.server.mcpserver import MCPServer\nMCPServer('empty').run()"
_INFORMATION = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}
_INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _INFORMATION}


def mcp(options: Namespace) -> Iterator[Row]:
    """Start to answered `initialize` and memory against an empty server; `converse` on a loudspeaker of its own."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        os.environ["HUSHD_RUNTIME_DIR"] = folder
        ours, empty = [], []
        for _ in range(RUNS):
            ours.append(_start([str(BIN / "hushd"), "mcp"]))
            empty.append(_start([sys.executable, "-c", EMPTY]))
        del os.environ["HUSHD_RUNTIME_DIR"]
    for index, what, unit, goal in ((0, "start to answered initialize", "s", 0.55), (2, "memory, RSS", "MB", 85)):
        value, floor = (statistics.median(run[index] for run in runs) for runs in (ours, empty))
        yield Row(f"mcp: {what}", value, unit, f"<= {goal}", floor, value <= goal, "floor: an empty server")
    value, floor = (statistics.median(run[1] for run in runs) for runs in (ours, empty))
    yield Row("mcp: CPU time of that start", value, "s", "", floor, note="floor: an empty server")
    yield from _sessions()
    yield from _turns()


def _sessions() -> Iterator[Row]:
    """Ten sessions, as an ordinary day with coding agents has: at rest, and after a call each and a minute."""
    command = [str(BIN / "hushd"), "mcp"]
    with supervisor():
        first = statistics.median(first_call(command) for _ in range(5))
        (one, _), (ten, after) = resting(command, 1, 0), resting(command, SESSIONS, REST_S)
    yield Row("mcp: start to a first call's answer", first, "s", note="hushd_status, 5 runs")
    yield Row("mcp: a session at rest, PSS", one, "MB", "<= 6", ok=one <= 6)
    yield Row("mcp: ten sessions at rest, PSS", ten, "MB", "<= 60", ok=ten <= 60)
    yield Row("mcp: ten after a call each and a minute, PSS", after, "MB", "<= 60", ok=after <= 60)


def first_call(command: list[str]) -> float:
    """Seconds from the start of a session to the answer of its first call."""
    began = time.perf_counter()
    with _Sessions(command, 1) as sessions:
        sessions.call()
        return time.perf_counter() - began


def resting(command: list[str], count: int, rest_s: float) -> tuple[float, float]:
    """MB of PSS of so many sessions and all that they have started: before any call, and `rest_s` after one each."""
    with _Sessions(command, count) as sessions:
        time.sleep(2)
        before = sessions.weigh()
        sessions.call()
        time.sleep(rest_s)
        return before, sessions.weigh()


class _Sessions:
    """Hosts that have started a server each, and have its tools. A context manager."""

    def __init__(self, command: list[str], count: int) -> None:
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self._processes = [subprocess.Popen(command, **pipes) for _ in range(count)]
        self._ask({"method": "initialize", "params": _INFORMATION})
        self._ask({"method": "tools/list"})

    def call(self) -> None:
        """Has each make a call."""
        self._ask({"method": "tools/call", "params": {"name": "hushd_status", "arguments": {}}})

    def weigh(self) -> float:
        """MB of all their processes, shared pages divided among those who have them."""
        own = [psutil.Process(each.pid) for each in self._processes]
        below = [child for each in own for child in each.children(recursive=True)]
        return sum(each.private + each.mapped for each in map(held, [*own, *below, *self._started()]))

    def _ask(self, message: dict[str, object]) -> None:
        for process in self._processes:
            assert process.stdin
            assert process.stdout
            process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1} | message).encode() + b"\n")
            process.stdin.flush()
            assert "result" in json.loads(process.stdout.readline())

    def _started(self) -> list[psutil.Process]:
        """The process for their calls, which is nobody's child."""
        locks = Path(os.environ["HUSHD_RUNTIME_DIR"]).glob("mcp-*.lock")
        return [psutil.Process(number) for lock in locks if psutil.pid_exists(number := int(lock.read_text() or 0))]

    def __enter__(self) -> _Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.communicate(timeout=10)
        for started in self._started():
            started.terminate()
            started.wait(10)


def _start(command: list[str]) -> tuple[float, float, float]:
    """Seconds to the answer, seconds of CPU time, MB of RSS."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(_INITIALIZE).encode() + b"\n")
    process.stdin.flush()
    answer = json.loads(process.stdout.readline())
    took = time.perf_counter() - began
    assert answer["result"]["serverInfo"]
    seen = psutil.Process(process.pid)
    times, memory = seen.cpu_times(), mb(seen)[0]
    process.stdin.close()
    process.stdout.close()
    process.wait(10)
    return took, times.user + times.system, memory


# --- a turn of talk ---------------------------------------------------------------------------------------------------

QUESTION = "Shall I delete the old backups?"
TURN = f"""
import json, sys, time
from hushd import Client
from hushd.audio.microphone import Microphone

times = {{}}
unmute = Microphone.unmute

def noted(microphone):
    times["listening"] = time.monotonic()
    unmute(microphone)

Microphone.unmute = noted
with Client() as client:
    client.preload("tts", "stt")
    for _ in sys.stdin:
        text = client.conversation(mode="half").converse({QUESTION!r}).text
        print(json.dumps(times | {{"text": time.monotonic(), "heard": text}}), flush=True)
"""


def _turns() -> Iterator[Row]:
    """Somebody answers with three seconds of a recording, soon after hushd has fallen silent."""
    if (loop := own_loop()) is None:
        yield Row("mcp: converse", None, "ms", note=f"not installed: {sound_loop.missing()}")
        return
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder, loop as made, supervisor():
        turns = list(_talk(made, Path(folder)))
    listening, text = (statistics.median(turn[index] for turn in turns[1:]) * 1000 for index in (0, 1))
    count = f"{len(turns) - 1} turns"
    yield Row("mcp: converse, end of speech to listening", listening, "ms", "<= 50", ok=listening <= 50, note=count)
    yield Row(
        f"mcp: converse, end of a {ANSWER_S:g} s answer to its text", text, "ms", "<= 400", ok=text <= 400,
        note=f"after the {SILENCE_S} s of silence that end it",
    )  # fmt: skip


def _talk(loop: SoundLoop, folder: Path) -> Iterator[tuple[float, float]]:
    """Seconds from hushd's last audible sound to its listening, and from the end of an answer to its text."""
    answer = folder / "answer.wav"
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    samples = samples[: int(ANSWER_S * rate)]
    loud = np.flatnonzero(np.abs(samples) >= 0.1 * np.abs(samples).max())
    soundfile.write(answer, samples[: loud[-1] + 1], rate)  # so that its end can be heard to the millisecond
    with (
        Monitor(loop) as monitor,
        subprocess.Popen(
            [sys.executable, "-c", TURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        for _ in range(TURNS + 1):
            monitor.blocks.clear()
            process.stdin.write("\n")
            process.stdin.flush()
            while not 0.4 < time.monotonic() - (ended := _last_sound(monitor)) < 60:
                time.sleep(0.01)
            loop.play(answer)
            times = json.loads(process.stdout.readline())
            yield times["listening"] - ended, times["text"] - _last_sound(monitor) - SILENCE_S
        process.stdin.close()


def _last_sound(monitor: Monitor) -> float:
    """The time of the last audible sound (`time.monotonic`); 0 if there was none."""
    return next((when for when, samples in reversed(monitor.blocks) if max(samples) > LOUD), 0.0)
