"""The cost of importing the protocol: its pure modules bring in nothing heavy, and no sockets or processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "http", "multiprocessing", "numpy", "onnxruntime", "soundfile", "soxr", "torch"}
RIM = {"psutil", "socket", "subprocess", "threading", "zmq"}


def loaded_by(*modules: str) -> set[str]:
    """The top-level modules in memory after importing these in a fresh interpreter."""
    program = f"import sys, {', '.join(modules)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_pure_modules_import_neither_sockets_nor_processes() -> None:
    """messages, codec, errors and limits load none of zmq, psutil, socket, subprocess, threading."""
    pure = [f"hushd_protocol.{name}" for name in ("codec", "errors", "limits", "messages")]
    assert not loaded_by(*pure, "hushd_models.manifest") & (HEAVY | RIM)


@pytest.mark.parametrize(
    "module",
    [
        "hushd_protocol.system.paths", "hushd_protocol.system.lifeline", "hushd_worker.job", "hushd_worker.harness",
        "hushd_models.inventory", "hushd_models.removal", "hushd_supervisor.__main__",
    ],
)  # fmt: skip
def test_nothing_shared_is_heavy(module: str) -> None:
    """No shared module loads an engine's libraries, asyncio or a web server; a harness and a supervisor load zmq."""
    assert not loaded_by(module) & (HEAVY if module.endswith(("harness", "__main__")) else HEAVY | {"zmq"})
