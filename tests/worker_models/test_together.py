"""Models, the supervisor, the client and the commands together: real processes, a real (local) server."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hushd import Client
from hushd_models import catalogue, hf_cache
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from support import warm
from support.hub_server import HubServer, arrived
from support.peer import BOUND_S, command, wait_until
from support.refusals import hushd_error

REPOSITORY, MODEL = "Systran/faster-whisper-base", "faster-whisper/base"
WEIGHTS = hashlib.shake_256(b"4").digest(3_000_000)
FILES: dict[str, Any] = {"config.json": b"{}", "model.bin": WEIGHTS, "tokenizer.json": b"[]", "vocabulary.txt": b"a"}
KNOWN = catalogue.models()[MODEL]
SIZE = sum(map(len, FILES.values()))
HEARD = hashlib.sha256(WEIGHTS).hexdigest()
NEEDY = [sys.executable, str(Path(__file__).with_name("needy_worker.py"))]
AUDIO = b"RIFF, as far as this worker looks"
HUSHD = Path(sys.executable).parent / "hushd"


@pytest.fixture
def start(hub: HubServer, start_supervisor: Callable[..., Any]) -> Callable[..., Any]:
    """A supervisor whose engine faster-whisper needs a model of the local hub: `start(auto_pull=True)`."""
    hub.add(REPOSITORY, FILES)

    def supervise(auto_pull: bool = False) -> Any:
        supervisor = start_supervisor(
            f'auto_pull = {str(auto_pull).lower()}\n[worker."stt/faster-whisper"]\n{command(NEEDY)}'
        )
        return supervisor

    return supervise


def hear(client: Client) -> str:
    return client.transcribe(AUDIO, engine="faster-whisper", model="base").text


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, **environment}
    return warm.run([str(HUSHD), "models", *words], capture_output=True, text=True, timeout=60, env=everything)


def test_without_auto_pull_the_error_says_what_to_do(hub: HubServer, start: Callable[..., Any]) -> None:
    """Nothing is downloaded that nobody asked for. Of a model that is removed while its worker runs, the worker goes on
    with what it has in memory; the next one says that it is gone."""
    start()
    with Client() as client:
        with hushd_error("model_missing", f"The model {MODEL} is not on this machine") as raised:
            hear(client)
        assert raised.value.detail == {"model": MODEL, "pull": False}
        assert hub.requests == []
        client.pull(MODEL)
        assert hear(client) == HEARD
        removed = run("rm", MODEL)
        assert removed.returncode == 0, removed.stderr
        assert hear(client) == HEARD
        client.unload("stt")
        with pytest.raises(HushdError, match=f"The model {MODEL} is not on this machine"):
            hear(client)


def test_auto_pull_brings_what_is_missing(hub: HubServer, start: Callable[..., Any]) -> None:
    """The request waits, is told how far it is, and is answered; the next one finds everything here."""
    start(auto_pull=True)
    hub.pace = 0.5  # until the client was told how far it is: a busy machine is told late
    seen: list[tuple[str, float, float]] = []

    def tell(model: str, done: float, total: float) -> None:
        seen.append((model, done, total))
        if 0 < done < total:
            hub.pace = 0.0

    with Client(on_pull=tell) as client:
        assert hear(client) == HEARD
        assert {model for model, _, _ in seen} == {MODEL}
        assert seen[-1][1:] == (SIZE, SIZE)
        assert any(0 < done < total for _, done, total in seen), seen
        (row,) = [row for row in client.status().workers if row.role == "models"]
        assert row.name == "models/store/local"
        assert row.expires_in_s is None or row.expires_in_s <= 10
        requests = len(hub.requests)
        client.unload("stt")
        assert hear(client) == HEARD
    assert len(hub.requests) == requests


def test_the_command_pulls(hub: HubServer, start: Callable[..., Any]) -> None:
    """`hushd models pull` prints where the model is; the second time it is there already. Its offer for programs is
    what `list --json` says of the models that are named."""
    start()
    (offered,) = json.loads(run("pull", MODEL, "--dry-run", "--json").stdout)
    assert offered == next(one for one in json.loads(run("list", "--json").stdout) if one["name"] == MODEL)
    assert (offered["size_mb"], offered["state"]) == (KNOWN.size_mb, "absent")
    first = run("pull", MODEL)
    assert first.returncode == 0, first.stderr
    folder = hf_cache.snapshot(REPOSITORY)
    assert first.stdout == f"{MODEL}: {folder}\n"
    told = json.loads(run("pull", "--json", MODEL).stdout)
    assert told == [{"model": MODEL, "size": SIZE, "location": str(folder)}]
    assert hub.bytes_twice() == 0
    assert run("pull", "--dry-run", MODEL).stdout == f"{MODEL} ({KNOWN.cost}) from {REPOSITORY}\n"


def test_ctrl_c_leaves_what_has_arrived(hub: HubServer, start: Callable[..., Any]) -> None:
    """The download ends with the command, and the next one goes on."""
    start()
    hub.slow_down(600_000)
    process = warm.Popen([str(HUSHD), "models", "pull", MODEL], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    wait_until(lambda: arrived(hf_cache.cache()) >= 600_000, "more than half a megabyte")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=BOUND_S)
    assert process.returncode == 130
    store = Store(paths.find())
    assert store.find(MODEL) is None
    assert store.unfinished() == [MODEL]
    with Client() as client:
        wait_until(lambda: not any(row.running for row in client.status().workers), "the end of the download")
        hub.pace = 0.0
        client.pull(MODEL)
    assert hub.sent["model.bin"][-1][0] >= 600_000, "it has begun anew"
