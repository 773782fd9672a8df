"""Measures what workers with published weights need: estimated, after a first request, and after many."""

from __future__ import annotations

import os
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import section as document
import soundfile
from hushd import Client
from hushd_protocol.names import ENGINE_ROLES
from hushd_schema import engines
from hushd_schema.status import WorkerStatus
from hushd_supervisor.system.memory.needs import Estimate
from support import real_weights

from ..stage import SENTENCE, Row, recording, supervisor

_MODELS = (
    "faster-whisper/base", "faster-whisper/tiny.en", "whisper/base", "transcribe-cpp/whisper-base", "onnx-asr/base",
    "piper/en_US-joe-medium", "kokoro/kokoro-v1.0.int8",
)  # fmt: skip
_COUNTS = (1, 100, 1000)
_LONG_S = 5
_REST_S = 4.0  # after which an idle worker has given memory back, and told it


def needs(options: Namespace) -> Iterator[Row]:
    """NEEDS and private memory after a start and one request, beside the estimate; growth over --times requests."""
    for name in _MODELS:
        if options.engine not in (None, "all", name, name.partition("/")[0]):
            continue
        places = (name, f"{name}.pt", f"{name}.onnx")
        if all(reasons := [real_weights.missing(place) for place in places]):
            yield Row(f"needs {name}", None, "", note=f"not measured: {reasons[0]}")
            continue
        estimated, needed, private = _measured(name, options.times)
        share = estimated / needed
        yield Row(f"needs {name}", needed, "MB", "0.9 to 1.1", estimated, 0.9 <= share <= 1.1, "estimated: floor")
        for count, size in private.items():
            yield Row(f"needs {name}: private after {count}", size, "MB")
        if options.document:
            document.write("needs", _section(name, estimated, needed, private, document.read("needs")))


def _measured(name: str, times: int) -> tuple[float, float, dict[int, float]]:
    """The estimate, the need after the first request, and the private memory after so many, in MB."""
    engine, _, model = name.partition("/")
    role = next(role for role in ENGINE_ROLES if engines.find(engine, role))
    estimated = Estimate(real_weights.home())(f"{role}/{engine}/{model}").memory / 1e6
    models, private = str(real_weights.home()), dict[int, float]()
    with (
        tempfile.TemporaryDirectory(prefix="hushd-needs-") as folder,
        supervisor("[worker]\nkeep_alive = 3600\n", HUSHD_MODELS_DIR=models),
        Client() as client,
    ):
        request = _request(client, name, role, Path(folder) / "sound.wav")
        needed = 0.0
        for count in range(1, times + 1):
            request()
            if count in _COUNTS:
                row = _resting(client)
                private[count] = row.private_mb or 0.0
                needed = needed or row.need_mb or 0.0
    return estimated, needed, private


def _request(client: Client, name: str, role: str, file: Path) -> Callable[[], object]:
    if role == "tts":
        return lambda: list(client.synthesize(SENTENCE, model=name))
    sound, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    soundfile.write(file, sound[: _LONG_S * rate], rate)
    return lambda: client.transcribe(file, model=name)


def _resting(client: Client) -> WorkerStatus:
    """The worker, once it has given back what it does not need any more."""
    time.sleep(_REST_S)
    (row,) = (row for row in client.status().workers if row.pid)
    return row


def _section(name: str, estimated: float, needed: float, private: dict[int, float], before: str) -> str:
    rows = [line for line in before.splitlines() if line.startswith("| `") and line.split("`")[1] != name]
    grown = " | ".join(f"{private[count]:.0f}" if count in private else "" for count in _COUNTS)
    rows.append(f"| `{name}` | {estimated:.0f} | {needed:.0f} | {grown} |")
    return "\n".join(
        [
            f"The last row is of {date.today():%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.0f}; MB.",
            "",
            f"| worker | estimated | needs | private after {' | '.join(map(str, _COUNTS))} |",
            f"|---|---|---|{'---|' * len(_COUNTS)}",
            *rows,
            "",
        ]
    )
