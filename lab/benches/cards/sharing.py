"""Models that do not fit together, and another program that takes most of the card."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext

from hushd import Client
from hushd_protocol.errors import HushdError

from ..stage import Row
from .figures import said
from .stage import NotDone, Stage, helper, unload

REQUESTS = 20
SHARE = 0.8  # of the card's memory, taken by the other program
BESIDE = 5  # requests meanwhile
_ONE, _OTHER = "faster-whisper/small", "faster-whisper/other"
# Takes memory by the driver's own functions, since a library would add its own runtime.
_TAKE = """
import ctypes, sys
cuda, device, context, memory = ctypes.CDLL("libcuda.so.1"), ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
for status in (
    cuda.cuInit(0),
    cuda.cuDeviceGet(ctypes.byref(device), 0),
    cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device),
    cuda.cuCtxSetCurrent(context),
    cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(int(sys.argv[1]))),
):
    if status:
        sys.exit(f"CUDA's error {status}")
print("ready", flush=True)
sys.stdin.read()
"""


def alternating(stage: Stage) -> Iterator[Row]:
    """Requests for two models in turn, of which the card has room for one."""
    total, before = stage.memory()
    with stage.supervisor() as (process, client):
        _ask(client, stage, _ONE)
        need = stage.used() - before
        unload(client, process)
    began = time.monotonic()
    beyond = int(total - before - 1.5 * need)
    taken = helper(_TAKE, str(beyond)) if stage.device != "cpu" and beyond > 0 else nullcontext()
    with taken, stage.supervisor() as (_, client):
        served = [_ask(client, stage, (_ONE, _OTHER)[number % 2]) for number in range(REQUESTS)]
    lost = REQUESTS - served.count(stage.device)
    note = f"{(time.monotonic() - began) / REQUESTS:.2f} s each, with the change of models"
    yield Row(f"room for one, {REQUESTS} requests for two in turn: lost", lost, "", "0", None, lost == 0, note)


def stranger(stage: Stage) -> Iterator[Row]:
    """Another program takes 80 % of the card during requests, and ends."""
    if stage.device == "cpu":
        raise NotDone("there is no card to take")
    total = stage.memory()[0]
    with stage.supervisor(compute_device="auto") as (process, client):
        first = _ask(client, stage, _ONE)
        unload(client, process)
        with helper(_TAKE, str(int(SHARE * total))):
            there = [_ask(client, stage, _ONE) for _ in range(BESIDE)]
    lost = BESIDE - there.count("cpu") - there.count("server_busy")
    answered = f"{there.count('cpu')} of {BESIDE} on the CPU, {there.count('server_busy')} server_busy"
    ok = first == "cuda" and lost == 0
    yield Row("another program takes 80 %: requests lost", lost, "", "0", None, ok, answered)


def _ask(client: Client, stage: Stage, model: str) -> str:
    """Sends a request; returns the device that served it, or the error's code."""
    try:
        client.transcribe(said(stage), language="en", model=stage.model(model))
    except HushdError as error:
        return error.code
    return next(str(row.compute_device) for row in client.status().workers if row.name == f"stt/{model}")
