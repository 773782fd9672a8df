"""`hushd dictate` on a real X server and sound server: how soon it listens and types, and whether a word is lost."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jiwer
import psutil
from hushd import Client
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import BIN, Row, mb, supervisor, wait_until_childless
from .spoken import Spoken, Watched, first_sound, play, spoken

from support import desktop, sound_loop  # isort: skip
from support.desktop import Desktop  # isort: skip
from support.peer import wait_until  # isort: skip
from support.sound_loop import Monitor, SoundLoop  # isort: skip

TRIES = 50
COLD_EVERY = 10
SENTENCES = (
    "They walked along the river until it was dark.",
    "Nothing in the garden had changed since the spring.",
    "She kept her promise and wrote every week.",
    "He opened the window because the room was too warm.",
    "Please leave your shoes by the door when you come in.",
)
SETTLED_S = 0.7  # without a change, after which the text is final
LEAVE_S = 0.15  # from the last sound to the release: a finger is no quicker


def dictate(_: Namespace) -> Iterator[Row]:
    """Key to listening, the first stable word at the cursor, release to final text, and words lost, cold ones too."""
    if missing := ", ".join(filter(None, (sound_loop.missing(), desktop.missing()))):
        yield Row("dictate: key to listening", None, "ms", "<= 60", note=f"not installed: {missing}")
        return
    folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    loop = SoundLoop(folder / "sound")
    os.environ |= loop.environment
    normalise = EnglishTextNormalizer()
    listening, first, final, cold = [], [], [], []
    lost, wrong, count = 0, 0, 0
    examples: list[str] = []  # texts in which words are missing, and how late it listened
    with (
        loop,
        supervisor() as process,
        Client() as client,
        Monitor(loop) as monitor,
        Desktop(folder) as screen,
        _waiting(screen) as waiting,
        _recorders() as recorders,
    ):
        said = [spoken(client, text, folder / f"{number}.wav") for number, text in enumerate(SENTENCES)]
        memory = mb(waiting)
        for number in range(TRIES):
            if not number % COLD_EVERY:
                client.unload()
                wait_until_childless(process)
            sentence = said[number % len(said)]
            before = screen.text
            heard = _one(loop, screen, monitor, recorders, sentence)
            listening.append(heard[0])
            (first if number % COLD_EVERY else cold).append(heard[1])
            if number % COLD_EVERY:
                final.append(heard[2])
            text = SENTENCES[number % len(said)]
            measures = jiwer.process_words(normalise(text), normalise(screen.text[len(before) :]) or "-")
            lost += measures.deletions
            if measures.deletions:
                examples.append(f"{screen.text[len(before) :].strip()!r} ({heard[0]:.0f} ms)")
            wrong += measures.substitutions + measures.insertions
            count += len(normalise(text).split())
    yield _row("key to listening", listening, 60)
    yield _row("first word said to first word typed", first, 500)
    yield Row("dictate: the same, cold", statistics.median(cold), "ms", note=f"at most {max(cold):.0f} ms")
    yield _row("release to final text", final, 200)
    yield Row(
        "dictate: words lost",
        lost,
        f"of {count}",
        "0",
        ok=not lost,
        note=f"{TRIES} tries, {len(cold)} cold {', '.join(examples)}",
    )
    yield Row("dictate: words wrong", wrong, f"of {count}")
    yield Row("dictate: memory of the process that waits", memory[1], "MB", note="PSS")


def _row(what: str, times: list[float], goal: float) -> Row:
    value = statistics.median(times)
    note = f"at most {max(times):.0f} ms, load {os.getloadavg()[0]:.1f}"
    return Row(f"dictate: {what}", value, "ms", f"<= {goal}", ok=value <= goal, note=note)


def _one(
    loop: SoundLoop, screen: Desktop, monitor: Monitor, recorders: list[float], said: Spoken
) -> tuple[float, float, float]:
    """Milliseconds: key to listening, first word to its place, release to final text. They speak with the press."""
    field = Watched(lambda: screen.text)
    before = screen.text
    monitor.blocks.clear()
    recorders.clear()
    pressed = time.monotonic()
    screen.press("F9")
    player = play(loop, said)
    listens = wait_until(lambda: recorders, "a recorder")[0]
    heard = first_sound(monitor, pressed)
    typed = field.until(lambda text: len(text) > len(before))
    player.wait()
    time.sleep(max(0.0, heard + said.seconds + LEAVE_S - time.monotonic()))
    released = time.monotonic()
    screen.release("F9")
    done = field.settled(SETTLED_S)
    return 1000 * (listens - pressed), 1000 * (typed - heard - said.words[0][1]), 1000 * (done - released)


@contextmanager
def _waiting(screen: Desktop) -> Iterator[psutil.Process]:
    """A `hushd dictate` that waits for its key."""
    command = [str(BIN / "hushd"), "dictate", "--key", "F9"]
    process = subprocess.Popen(command, env=os.environ | {"DISPLAY": screen.display, "WAYLAND_DISPLAY": ""})
    try:
        wait_until(lambda: screen.waits_for("F9"), "the key")
        time.sleep(1.0)  # PortAudio has looked for its devices
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _recorders() -> Iterator[list[float]]:
    """The times at which programs have begun to record, as the sound server reports them."""
    found: list[float] = []
    process = subprocess.Popen(["pactl", "subscribe"], stdout=subprocess.PIPE, text=True)

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            if "'new' on source-output" in line:
                found.append(time.monotonic())

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        process.terminate()
        thread.join()
        process.communicate()


sys.setswitchinterval(0.001)  # the threads that look at the clock
