"""The cost of importing the protocol: its pure modules bring in nothing heavy, and no sockets or processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "http", "multiprocessing", "numpy", "onnxruntime", "soundfile", "soxr", "torch"}
RIM = {"psutil", "socket", "subprocess", "threading", "zmq"}
COMPILER = {"dataclasses", "inspect"}  # what the standard library makes records by: light ones do without


def loaded_by(*modules: str) -> set[str]:
    """The top-level modules that were executed after importing these in a fresh interpreter: a lazy one has a class."""
    executed = "{n.split('.')[0] for n, module in sys.modules.items() if type(module).__name__ == 'module'}"
    program = f"import sys, {', '.join(modules)}; print(*{executed})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_pure_modules_import_neither_sockets_nor_processes() -> None:
    """messages, codec, errors and limits load none of zmq, psutil, socket, subprocess, threading, dataclasses."""
    pure = [f"hushd_protocol.{name}" for name in ("codec", "errors", "limits", "messages")]
    assert not loaded_by(*pure, "hushd_models.manifest") & (HEAVY | RIM | COMPILER)


@pytest.mark.parametrize(
    "module",
    [
        "hushd_protocol.system.paths", "hushd_protocol.system.lifeline", "hushd_worker.job", "hushd_worker.harness",
        "hushd_models.inventory", "hushd_models.removal",
    ],
)  # fmt: skip
def test_nothing_shared_is_heavy(module: str) -> None:
    """No shared module loads an engine's libraries, asyncio or a web server; only the harness loads zmq."""
    assert not loaded_by(module) & (HEAVY if module.endswith("harness") else HEAVY | {"zmq"})


def test_a_supervisor_starts_without_what_it_hardly_ever_uses() -> None:
    """Modules that Python's own and pyzmq import for functions that it does not call are not executed."""
    rare = {"dataclasses", "ipaddress", "random", "selectors"}
    assert not loaded_by("hushd_supervisor.__main__") & (HEAVY | rare)
