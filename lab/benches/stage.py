"""Shared by all cases: a private supervisor, timing, and the rows that they yield."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import psutil
import soundfile
import soxr
from hushd import Client

Samples: TypeAlias = npt.NDArray[np.float32]

SENTENCE = "The quick brown fox jumps over the lazy dog today."  # ten words
BIN = Path(sys.executable).parent


@dataclass
class Row:
    """One figure. `floor` is the rival's or the bare engine's, `ratio` value / floor; `ok` is None without a goal."""

    case: str
    value: float | None
    unit: str
    goal: str = ""
    floor: float | None = None
    ok: bool | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.value is not None and self.floor else None


def recording(name: str) -> Path:
    """A recording of a person, from the wheel of moonshine-voice."""
    spec = find_spec("moonshine_voice")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "assets" / name


def at_16_khz(clip: Path) -> Samples:
    """The samples of a file of one channel."""
    samples, rate = soundfile.read(clip, dtype="float32")
    return samples if rate == 16_000 else soxr.resample(samples, rate, 16_000)


def loud(sound: Samples) -> npt.NDArray[np.bool_]:
    """A flag for each 20 ms of sound at 16 kHz: speech is within 20 dB of the loudest but for clicks."""
    peaks = np.abs(sound[: len(sound) // 320 * 320]).reshape(-1, 320).max(axis=1)
    speech: npt.NDArray[np.bool_] = peaks >= 0.1 * np.sort(peaks)[-10]
    return speech


@contextmanager
def supervisor(config: str = "", begin: Sequence[str] = (), **environment: str) -> Iterator[psutil.Process]:
    """A supervisor in private folders, which this process's clients use too; ended afterwards.

    Args:
        begin: words before its command line, such as those that put it into a control group.
    """
    folder = Path(tempfile.mkdtemp(prefix="hushd-"))
    (folder / "config.toml").write_text(config)
    before = dict(os.environ)
    os.environ |= {
        "HUSHD_RUNTIME_DIR": str(folder / "run"),
        "HUSHD_STATE_DIR": str(folder / "state"),
        "HUSHD_CONFIG": str(folder / "config.toml"),
        "HUSHD_AUTOSTART": "0",
        **environment,
    }
    read, write = os.pipe()
    process = subprocess.Popen(
        [*begin, sys.executable, "-m", "hushd_supervisor", "--ready-fd", str(write)],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # as a client starts one: Linux shares the processor by sessions
    )
    os.close(write)
    try:
        if not os.read(read, 1):
            raise SystemExit("The supervisor did not start.")
        yield psutil.Process(process.pid)
    finally:
        os.close(read)
        process.terminate()
        process.wait(30)
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def port(client: Client, kind: str = "http") -> int:
    """The port at which the supervisor listens for one kind of connection."""
    (address,) = [row.address for row in client.status().door.listeners if row.kind == kind]
    return int(address.rpartition(":")[2])


def first_audio(client: Client, text: str) -> float:
    """Seconds from a request to the first audio; returns after the last."""
    began = time.perf_counter()
    speech = iter(client.synthesize(text))
    next(speech)
    first = time.perf_counter() - began
    for _ in speech:
        pass
    return first


def mb(process: psutil.Process) -> tuple[float, float]:
    """RSS and PSS of one process."""
    info = process.memory_full_info()
    return info.rss / 1e6, info.pss / 1e6


def tree_pss(root: psutil.Process) -> float:
    return sum(mb(p)[1] for p in (root, *root.children(recursive=True)))


def wait_until_childless(root: psutil.Process, seconds: float = 30) -> None:
    """Returns once the last worker's exit was seen."""
    deadline = time.monotonic() + seconds
    while root.children():
        if time.monotonic() > deadline:
            raise SystemExit("scripts/bench: a worker did not leave")
        time.sleep(0.02)


def timed(command: list[str], **options: object) -> float:
    """Seconds from exec to exit; the command must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    return time.perf_counter() - began


def show(row: Row) -> None:
    """Prints a row of the table."""

    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"

    mark = {True: "ok", False: "MISSED", None: ""}[row.ok]
    if row.note:
        mark = f"{mark}  {row.note}".strip()
    print(
        f"{row.case:46}{number(row.value):>9} {row.unit:6}{row.goal:>14}"
        f"{number(row.floor):>9}{number(row.ratio):>8}  {mark}",
        flush=True,
    )
