"""Speech servers as engines: what hushd adds to their memory and to their first sound."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import psutil
from hushd import Client
from hushd_protocol.system import paths
from support import servers

from .stage import Row, supervisor

RUNS = 30
TEXT = "The quick brown fox jumps over the lazy dog."


def serving(_: Namespace) -> Iterator[Row]:
    """A scripted server and hushd's own `serve`: the worker beside it, and its first sound through hushd."""
    serve = [sys.executable, "-P", "-m", "hushd", "serve", "--http", "127.0.0.1:{port}"]
    files: dict[str, dict[str, Any]] = {"a scripted server": {}, "hushd serve": {"run": serve}}
    for name, keys in files.items():
        with supervisor(), Client() as client:
            own = f"{paths.find().runtime}/{{port}}"
            keys["env"] = {"HUSHD_RUNTIME_DIR": own, "HUSHD_STATE_DIR": f"{own}/state"}
            servers.write(paths.find().config.parent, "mine", **{"hear": False} | keys)
            client.preload("tts/server/mine")
            (row,) = client.status().workers
            assert row.pid
            worker = psutil.Process(row.pid)
            guard, *tree = worker.children(recursive=True)
            port = _port(tree)
            through, bare = [], []
            for _run in range(RUNS):
                through.append(_first(client))
                bare.append(_bare(port))
            held = sum(process.memory_full_info().pss for process in (worker, guard)) / 1e6
            value, floor = (statistics.median(times) * 1000 for times in (through, bare))
            yield Row(f"{name}: worker and guard beside it (PSS)", held, "MB", "<= 30", None, held <= 30)
            yield Row(f"{name}: first sound", value, "ms", "<= its own + 5", floor, value <= floor + 5)


def _port(tree: list[psutil.Process]) -> int:
    words = [word.rpartition(":")[2] for process in tree for word in process.cmdline()]
    return next(int(word) for word in words if word.isdigit())


def _first(client: Client) -> float:
    began = time.perf_counter()
    speech = iter(client.synthesize(TEXT, engine="server", model="mine"))
    next(speech)
    seconds = time.perf_counter() - began
    for _ in speech:
        pass
    return seconds


def _bare(port: int) -> float:
    """Seconds from a request to the server itself to the first samples behind its header."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    began = time.perf_counter()
    body = json.dumps({"model": "", "input": TEXT, "response_format": "wav"})
    connection.request("POST", "/v1/audio/speech", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read(46)
    seconds = time.perf_counter() - began
    answer.read()
    connection.close()
    return seconds
