"""Published weights in control groups of a gigabyte and less: sound cold and warm, and `say` beside it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from hushd import Client
from hushd_protocol.errors import HushdError
from support.memory_group import MemoryGroup
from support.real_weights import home

from .stage import BIN, SENTENCE, Row, recording, supervisor

MODEL = "faster-whisper/base"
MINUTE_S = 60.0


def gigabyte(options: Namespace) -> Iterator[Row]:
    """faster-whisper/base, or --engine ENGINE/NAME of a folder --models, where --limits MB are free."""
    model, models = options.engine or MODEL, options.models or home()
    if not (models / model).is_dir():
        yield Row("gigabyte", None, "", note="not measured: `scripts/setup --engines all` brings the model")
        return
    for limit in options.limits:
        try:
            group = MemoryGroup()
        except OSError as error:
            yield Row("gigabyte", None, "", note=f"not measured: {error}")
            return
        try:
            yield from _measured(group, limit, models, model, options.minutes or 1)
        finally:
            group.close()


def _measured(group: MemoryGroup, limit: int, models: Path, model: str, minutes: float) -> Iterator[Row]:
    """The rows of one limit in MB: each run's seconds, the most memory, and how often the kernel found none."""
    for file in (models / model).rglob("*"):
        _drop(file)
    begin = group.command(limit * 1_000_000)
    with tempfile.TemporaryDirectory() as folder, supervisor(begin=begin, HUSHD_MODELS_DIR=str(models)):
        sound = _sound(Path(folder) / "minute.wav", MINUTE_S * minutes)
        for name in ("cold", "warm"):
            case = f"{model}, {minutes:g} min of sound in {limit} MB, {name}"
            said: list[str] = []
            speaker = threading.Thread(target=_say, args=(Path(folder) / "said.wav", said))
            begun = time.monotonic()
            if name == "warm":
                speaker.start()
            try:
                with Client() as client:
                    heard = client.transcribe(str(sound), model=model)
            except HushdError as error:
                yield Row(case, None, "s", note=f"{error.code}: {error.message}")
                return
            seconds = time.monotonic() - begun
            if name == "warm":
                speaker.join()
            beside = f", say beside it: {said[0]}" if said else ""
            note = (
                f"{len(heard.text.split())} words, peak {_figure(group, 'max_usage_in_bytes', 'peak') / 1e6:.0f} MB, "
            )
            note += f"{_figure(group, 'failcnt', '')} times at the limit, {_killed(group)} killed{beside}"
            yield Row(case, seconds, "s", f"{MINUTE_S * minutes:g}", ok=seconds < MINUTE_S * minutes, note=note)


def _drop(file: Path) -> None:
    """Has the kernel forget a file's pages, so that whoever reads it next is charged for them."""
    if file.is_file():
        with file.open("rb") as opened:
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _sound(path: Path, seconds: float) -> Path:
    """Writes a person's speech, again and again, of that length."""
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    soundfile.write(path, np.resize(samples, int(seconds * rate)), rate)
    return path


def _say(file: Path, said: list[str]) -> None:
    done = subprocess.run([BIN / "say", "-o", file, SENTENCE], capture_output=True, text=True, check=False)
    said.append(done.stderr.strip() or f"exit code {done.returncode}")


def _figure(group: MemoryGroup, first: str, second: str) -> int:
    """A figure of the group by its name in version 1 or 2 of control groups; 0 where there is none."""
    file = group.folder / (f"memory.{first}" if group.version == 1 else f"memory.{second}")
    return int(file.read_text()) if file.is_file() else 0


def _killed(group: MemoryGroup) -> int:
    file = group.folder / ("memory.oom_control" if group.version == 1 else "memory.events")
    words = file.read_text().split()
    return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words else 0
