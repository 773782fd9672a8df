"""Playing through a real sound server without a device: how soon a stop is silent, and whether there are gaps."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path

from hushd import Client
from hushd.audio.playback import Player
from hushd_protocol.errors import HushdError

from ..stage import BIN, SENTENCE, Row, busy_loops, supervisor, timed

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # the loop is the tests' too
from support import sound_loop
from support.peer import wait_until
from support.sound_loop import RATE, Monitor

LOUD = 12_000
HEADER = 44  # bytes of a WAV
TONE = 440  # Hz: whole periods in the tenths of a second that are played
STOPS = 20
STARTS = 15
HOOKS = 50
LOADED_S = 300.0
GAPS_S = 30.0
RESTARTS = 5
TEXT = (
    "When nobody speaks or listens, the memory is given back. A worker starts with the first request, and it leaves "
    "when it has been idle for a while, so that the machine has room for other things. "
)


def stop(_: Namespace) -> Iterator[Row]:
    """From `stop_speaking` to silence at the null sink's monitor, and the largest step of a sample on the way."""
    if (loop := own_loop()) is None:
        yield Row("stop: to silence", None, "ms", "<= 100", note=f"not installed: {sound_loop.missing()}")
        return
    times, steps = [], []
    with loop as made, supervisor(), Client() as client, Client() as other, Monitor(made) as monitor:
        for number in range(STOPS):
            player = threading.Thread(target=_play_tone, args=(client,))
            player.start()
            wait_until(lambda: any(max(samples) > LOUD / 2 for _, samples in monitor.blocks[-20:]), "a tone")
            time.sleep(0.2 + 0.013 * number)  # anywhere in a block
            stopped = time.monotonic()
            other.stop_speaking()
            player.join()
            time.sleep(0.2)
            heard = [(when, samples) for when, samples in monitor.blocks if when > stopped - 0.1]
            times.append(1000 * max(0.0, max(when for when, samples in heard if max(samples) > 30) - stopped))
            steps.append(max(abs(a - b) for _, samples in heard for a, b in pairwise(samples)))
            monitor.blocks.clear()
    value = statistics.median(times)
    yield Row("stop: to silence", value, "ms", "<= 100", ok=value <= 100, note=f"at most {max(times):.0f} ms")
    own = LOUD * 2 * math.sin(math.pi * TONE / RATE)
    yield Row("stop: largest step of a sample", max(steps), "", f"<= {own * 1.1:.0f}", own, max(steps) <= own * 1.1)


def first(_: Namespace) -> Iterator[Row]:
    """From the start of a `say` process to its first sound, the worker being warm: in a pipe, and at the monitor."""
    with supervisor(), Client() as client:
        speech = client.synthesize(SENTENCE)
        samples = array("h", next(speech))
        lead = (
            next(index for index, sample in enumerate(samples) if sample) / speech.rate
        )  # a voice begins with silence
        yield _first("in a pipe", _first_byte)
        if (loop := own_loop()) is None:
            yield Row("first: say, heard", None, "ms", "<= 150", note=f"not installed: {sound_loop.missing()}")
            return
        with loop as made, Monitor(made) as monitor:
            yield _first("heard", partial(_first_sound, monitor, lead))


def hook(_: Namespace) -> Iterator[Row]:
    """The time for which `hushd agents hook` keeps its agent, and until the first sound of the answer, warm; beside
    busy programs, one a core, and while the supervisor is stopped."""
    with supervisor() as process, Client() as client:
        speech = client.synthesize(SENTENCE)
        samples = array("h", next(speech))
        lead = next(index for index, sample in enumerate(samples) if sample) / speech.rate
        yield _exit("calm")
        with busy_loops(os.cpu_count() or 1, LOADED_S):
            yield _exit("beside load")
        process.suspend()
        try:
            yield _exit("supervisor stopped")
        finally:
            process.resume()
        if (loop := own_loop()) is None:
            yield Row("hook: heard", None, "ms", "<= 150", note=f"not installed: {sound_loop.missing()}")
            return
        with loop as made, Monitor(made) as monitor:
            yield _first("heard", partial(_first_of_hook, monitor, lead), "hook: answer")


def _exit(what: str) -> Row:
    """Milliseconds until the agent may go on, beside those of Python alone in turn."""
    times, bare = [], []
    for _ in range(HOOKS):
        times.append(1000 * _hook("Stop")[1])
        _hook("UserPromptSubmit")  # which ends the answer, for whatever it waits
        time.sleep(1.0)
        bare.append(1000 * timed([sys.executable, "-c", "pass"]))
    value, floor = statistics.median(times), statistics.median(bare)
    return Row(f"hook: exit, {what}", value, "ms", "<= 50", floor, value <= 50, note=f"at most {max(times):.0f} ms")


def _hook(name: str) -> tuple[float, float]:
    """Gives an event to the hook; returns when it was started, and the seconds until it ended."""
    event = {"hook_event_name": name, "session_id": "bench", "prompt_id": os.urandom(8).hex()}
    began = time.monotonic()
    data = json.dumps(event | {"last_assistant_message": SENTENCE}).encode()
    subprocess.run([BIN / "hushd", "agents", "hook"], input=data, check=True)
    return began, time.monotonic() - began


def _first_of_hook(monitor: Monitor, lead: float) -> float:
    """Seconds from the hook's start to the first sample that the sound server plays."""
    time.sleep(0.2)  # what came before has been heard
    monitor.blocks.clear()
    began, _ = _hook("Stop")
    wait_until(lambda: any(any(samples) for _, samples in monitor.blocks), "the answer")
    heard = next(when for when, samples in monitor.blocks if any(samples)) - lead - began
    wait_until(lambda: not any(any(samples) for _, samples in monitor.blocks[-100:]), "its end")
    return heard


def _first(what: str, run: Callable[[], float], case: str = "first: say") -> Row:
    times = [1000 * run() for _ in range(STARTS + 1)][1:]
    value = statistics.median(times)
    return Row(f"{case}, {what}", value, "ms", "<= 150", ok=value <= 150, note=f"at most {max(times):.0f} ms")


def _first_byte() -> float:
    """Seconds to the first sample in a pipe, behind the header."""
    began = time.monotonic()
    with subprocess.Popen([BIN / "say", "-o", "-", SENTENCE], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(HEADER + 2)
        took = time.monotonic() - began
        process.stdout.read()
    return took


def _first_sound(monitor: Monitor, lead: float) -> float:
    """Seconds to the first sample that the sound server plays; those of the first `lead` seconds are zero."""
    time.sleep(0.2)  # what came before has been heard
    monitor.blocks.clear()
    began = time.monotonic()
    subprocess.run([BIN / "say", SENTENCE], check=True)
    return next(when for when, samples in monitor.blocks if any(samples)) - lead - began


def gaps(options: Namespace) -> Iterator[Row]:
    """Gaps in speech that is played beside a busy process: 30 s of it, or --minutes."""
    if (loop := own_loop()) is None:
        yield Row("gaps: underruns", None, "", "0", note=f"not installed: {sound_loop.missing()}")
        return
    limit = 60 * options.minutes if options.minutes else GAPS_S
    with loop, supervisor(), Client() as client, _busy():
        recorder = _recorder()
        player = Player(floor=client.floor("speaker"), volume=0.9)
        speech = client.synthesize(TEXT * round(limit / 12 + 1))
        rate = speech.rate
        size = 0

        def chunks() -> Iterator[bytes]:
            nonlocal size
            for chunk in speech:
                piece = chunk[: int(limit * rate) * 2 - size]
                size += len(piece)
                yield piece
                if len(piece) < len(chunk):
                    return

        began = time.monotonic()
        player.play(chunks(), rate)
        longer = time.monotonic() - began - size / 2 / rate
        speech.close()
        recorder.kill()
        recorder.wait()
    note = f"in {size / 2 / rate:.0f} s, load {os.getloadavg()[0]:.1f}"
    yield Row("gaps: underruns", player.underruns, "", "0", ok=player.underruns == 0, note=note)
    yield Row("gaps: from call to end, longer than the speech", longer, "s")


def restart(_: Namespace) -> Iterator[Row]:
    """The longest silence at the null sink's monitor while `hushd restart` runs, and one plays and one listens."""
    if (loop := own_loop()) is None:
        yield Row("restart: silence", None, "ms", "<= 100", note=f"not installed: {sound_loop.missing()}")
        return
    silences, others = [], []
    with loop as made, supervisor(HUSHD_AUTOSTART="1"), Client() as client, Client() as other, Monitor(made) as monitor:
        player = threading.Thread(target=_play_tone, args=(client,))
        player.start()
        with other.floor("microphone") as microphone:
            for _ in range(RESTARTS):
                wait_until(lambda: any(max(samples) > LOUD / 2 for _, samples in monitor.blocks[-20:]), "a tone")
                for command, results in (("status", others), ("restart", silences)):
                    monitor.blocks.clear()
                    subprocess.run([BIN / "hushd", command], check=True, stdout=subprocess.DEVNULL)
                    microphone.keep()
                    time.sleep(1.0)
                    results.append(1000 * _longest_silence(monitor.samples) / RATE)
        client.stop_speaking()
        player.join()
        client.shutdown()
    value, floor = statistics.median(silences), statistics.median(others)
    worst = f"at most {max(silences):.0f} ms; with hushd status instead {floor:.0f} and {max(others):.0f}"
    note = f"{worst}, load {os.getloadavg()[0]:.1f}"
    yield Row("restart: silence", value, "ms", "<= 100", floor, ok=max(silences) <= 100, note=note)


def _longest_silence(samples: array[int]) -> int:
    """Of a tone, in samples."""
    loud = [0, *(at for at, sample in enumerate(samples) if abs(sample) > LOUD / 20), len(samples)]
    return max(after - before for before, after in pairwise(loud))


def own_loop() -> sound_loop.SoundLoop | None:
    """The sound loop, which this process plays into; None where it cannot be."""
    if sound_loop.missing():
        return None
    loop = sound_loop.SoundLoop(Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp")) / "sound")
    os.environ |= loop.environment
    return loop


def _play_tone(client: Client) -> None:
    size = RATE // 10
    period = array("h", (round(LOUD * math.sin(2 * math.pi * TONE * n / RATE)) for n in range(size))).tobytes()
    try:
        Player(floor=client.floor("speaker")).play((period for _ in range(600)), RATE)
    except HushdError as error:
        if error.code != "cancelled":
            raise


def _recorder() -> subprocess.Popen[bytes]:
    """Starts a recorder: without one the null sink plays two seconds at a time, unlike any device."""
    command = ["parec", "--device=loop.monitor", "--latency-msec=20", "--raw"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


@contextmanager
def _busy() -> Iterator[None]:
    """A process that needs a whole core."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
