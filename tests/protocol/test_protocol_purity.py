"""What importing the protocol costs: the pure modules bring in nothing heavy, and no sockets or processes."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"asyncio", "http", "multiprocessing", "numpy", "onnxruntime", "soundfile", "soxr", "torch"}
RIM = {"psutil", "socket", "subprocess", "threading", "zmq"}


def loaded_by(*modules: str) -> set[str]:
    """The top-level modules in sys.modules after importing these in a fresh interpreter."""
    program = f"import sys, {', '.join(modules)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_pure_modules_import_neither_sockets_nor_processes() -> None:
    """messages, codec, framing, errors, limits and manifest load none of zmq, psutil, socket, subprocess, threading."""
    pure = [f"hushd_protocol.{name}" for name in ("codec", "errors", "framing", "limits", "manifest", "messages")]
    assert not loaded_by(*pure) & (HEAVY | RIM)


@pytest.mark.parametrize("module", ["paths", "job", "lifeline", "harness", "inventory", "removal", "verification"])
def test_nothing_in_the_protocol_is_heavy(module: str) -> None:
    """No module of the protocol loads an engine's libraries, asyncio or a web server; only the harness loads zmq."""
    assert not loaded_by(f"hushd_protocol.{module}") & (HEAVY if module == "harness" else HEAVY | {"zmq"})
