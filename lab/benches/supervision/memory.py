"""The supervisor's size and wake-ups, and memory returned after use."""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import psutil
from hushd import Client

from ..stage import SENTENCE, Row, mb, recording, supervisor, tree_pss, wait_until_childless


def idle(_: Namespace) -> Iterator[Row]:
    """The supervisor alone: RSS, PSS and context switches, before and after its first worker."""
    with supervisor("[worker]\nkeep_alive = 1\n") as process:
        yield from _at_rest(process, "idle", 30)
        with Client() as client:
            list(client.synthesize(SENTENCE))
        wait_until_childless(process)
        yield from _at_rest(process, "idle after a worker", 30)


def _at_rest(process: psutil.Process, name: str, goal: float) -> Iterator[Row]:
    time.sleep(10)
    rss, pss = mb(process)
    before = _switches(process)
    time.sleep(10)
    switches = _switches(process) - before
    yield Row(f"{name}: RSS", rss, "MB", f"<= {goal}", ok=rss <= goal)
    yield Row(f"{name}: PSS", pss, "MB")
    yield Row(f"{name}: context switches in 10 s", switches, "", "<= 1", ok=switches <= 1)
    yield Row(f"{name}: children", len(process.children()), "", "0", ok=not process.children())


def _switches(process: psutil.Process) -> int:
    """Context switches over all threads, read from outside."""
    total = 0
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if "ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def memory_back(_: Namespace) -> Iterator[Row]:
    """PSS of the tree after the last worker's exit, against the same two engines in one process."""
    with supervisor("[worker]\nkeep_alive = 0.5\n") as process, Client() as client:
        after = []
        peak = 0.0
        for _ in range(3):
            list(client.synthesize(SENTENCE))
            client.transcribe(recording("beckett.wav"))
            peak = max(peak, tree_pss(process))
            wait_until_childless(process)
            time.sleep(1)
            after.append(tree_pss(process))
    yield Row("memory-back: PSS at work", peak, "MB")
    yield Row("memory-back: PSS after the first cycle", after[0], "MB")
    grown = after[2] - after[0]
    yield Row("memory-back: PSS after the third, more", grown, "MB", "+- 1", ok=abs(grown) <= 1)
    done = subprocess.run([sys.executable, "-c", _ONE_PROCESS], capture_output=True, text=True, check=True)
    loaded, left = (float(word) for word in done.stdout.split())
    yield Row("memory-back: one process, loaded", loaded, "MB", note="rival: both engines unloaded in-process")
    yield Row("memory-back: one process, left after unload", left, "MB", note="del, gc.collect, malloc_trim")


_ONE_PROCESS = f"""
import ctypes, gc, psutil
def pss(): return psutil.Process().memory_full_info().pss / 1e6
def work():
    import soundfile
    from hibari import Hibari
    from moonshine_voice import ModelArch, get_assets_path
    from moonshine_voice.transcriber import Transcriber
    tts = Hibari()
    tts({SENTENCE!r})
    audio, rate = soundfile.read(str(get_assets_path() / "beckett.wav"), dtype="float32")
    stt = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY)
    stt.transcribe_without_streaming(audio.tolist(), rate)
    loaded = pss()
    stt.close()
    return loaded
loaded = work()
gc.collect()
ctypes.CDLL(None).malloc_trim(0)
print(loaded, pss())
"""
