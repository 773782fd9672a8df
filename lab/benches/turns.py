"""Two models of full size of which one fits, asked in turn: whether anybody is refused, killed or lost."""

from __future__ import annotations

import io
import os
import wave
from argparse import Namespace
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psutil
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_supervisor.system.memory import measure
from hushd_supervisor.system.memory.cgroup import Cgroup
from hushd_supervisor.system.memory.estimate import Estimate

from .process_memory import Recording, held, total
from .stage import Row, recording, supervisor

REQUESTS = 100
# Of these either holds so much at rest that the other's need is beyond the budget.
STT, TTS = "onnx-asr/nemo-canary-1b-v2", "kokoro/kokoro-v1.0"
_REFUSED = ("server_busy", "model_too_large", "overloaded")
_PLACES = (STT, f"{TTS}.onnx")  # in the models folder


def turns(options: Namespace) -> Iterator[Row]:
    """Canary and kokoro of full size in turn, 100 requests with a budget for one of them; --models DIR."""
    if not options.models or not all((options.models / place).exists() for place in _PLACES):
        yield Row("turns", None, "", note=f"not measured: --models names a folder with {STT} and {TTS}")
        return
    yield from rows(*_played(options.models))


def rows(budget: float, codes: Counter[str], killed: int, changes: int, most: float) -> Iterator[Row]:
    """The outcome of all requests.

    Args:
        codes: of those that failed.
        killed: the processes that the kernel has killed meanwhile, out of memory.
        changes: how often another process served than before.
        most: private memory of all processes together, in MB.
    """
    refused = sum(count for code, count in codes.items() if code in _REFUSED)
    note = f"of {REQUESTS}, with a budget of {budget:.0f} MB; {changes} changes of workers"
    yield Row("turns: refused", refused, "", "0", ok=refused == 0, note=note)
    lost = codes.total() - refused
    yield Row("turns: lost", lost, "", "0", ok=lost == 0, note=", ".join(codes))
    yield Row("turns: killed by the kernel, out of memory", killed, "", "0", ok=killed == 0)
    yield Row("turns: private memory at most, supervisor and all", most, "MB")


def budget_mb(needs: tuple[int, int]) -> float:
    """A budget in which either fits, and not beside the other, even where that is at rest and smaller than its need."""
    return 1.05 * max(needs) / 1e6


def _played(models: Path) -> tuple[float, Counter[str], int, int, float]:
    estimate = Estimate(models)
    budget = budget_mb((estimate(f"stt/{STT}").memory, estimate(f"tts/{TTS}").memory))
    config = f"memory_share = {1e6 * budget / psutil.virtual_memory().total}\n[worker]\nkeep_alive = -1\n"
    (stt_engine, stt), (tts_engine, tts) = (name.split("/") for name in (STT, TTS))
    clip = _second()
    codes, pids = Counter[str](), []
    cgroup = Cgroup.own()
    before = measure.oom_kills(cgroup) or 0
    with supervisor(config, HUSHD_MODELS_DIR=str(models)) as process, Client() as client:
        memory = Recording(lambda: {str(each.pid): held(each) for each in (process, *process.children(recursive=True))})
        memory.start()
        ask: tuple[Callable[[], object], ...] = (
            lambda: client.transcribe(clip, engine=stt_engine, model=stt, language="en"),
            lambda: list(client.synthesize("Yes.", engine=tts_engine, model=tts)),
        )
        for number in range(REQUESTS):
            try:
                ask[number % 2]()
            except HushdError as error:
                codes[error.code] += 1
            pids.append([row.pid for row in client.status().workers if row.pid])
        memory.stop()
    changes = sum(now != then for then, now in pairwise(pids))
    most = max(total(sample).private for _, sample in memory.samples)
    return budget, codes, (measure.oom_kills(cgroup) or 0) - before, changes, most


def _second() -> bytes:
    """The first second of speech of a recording, as a WAV file."""
    out = io.BytesIO()
    with wave.open(os.fspath(recording("beckett.wav"))) as source, wave.open(out, "wb") as part:
        part.setparams(source.getparams())
        part.writeframes(source.readframes(source.getframerate()))
    return out.getvalue()
