"""The wheel in an empty environment of each Python: installed by uv, and asked for what hushd is for."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .checks import Refusal

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
_SENTENCE = "The build is green."
_LIMIT_S = 300
_STARTED_S = 60
_OPENING = (
    {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "release", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)  # fmt: skip


def make(python: str, wheel: Path, folder: Path) -> str | None:
    """Makes an environment with hushd[default] in `folder`; returns a sentence where uv can get no such Python.

    Raises:
        Refusal: there is one, and hushd cannot be installed for it.
    """
    made = _uv("venv", "--quiet", "--python", python, str(folder))
    if made.returncode:
        return f"uv got no Python {python} here, so it was not tried."
    requirement = f"hushd[default] @ {wheel.as_uri()}"
    done = _uv("pip", "install", "--quiet", "--python", str(folder / "bin/python"), requirement)
    if done.returncode:
        raise Refusal(f"hushd[default] cannot be installed for Python {python}: {_last(done.stderr)}")
    return None


def add(plugins: Sequence[Path], folder: Path) -> str:
    """Installs the plugins' wheels beside hushd, without what they need; returns the line that lists them.

    Raises:
        Refusal: one cannot be installed, or hushd does not know it.
    """
    done = _uv("pip", "install", "--quiet", "--no-deps", "--python", str(folder / "bin/python"), *map(str, plugins))
    if done.returncode:
        raise Refusal(f"The plugins cannot be installed: {_last(done.stderr)}")
    line = _run([str(folder / "bin/hushd"), "--version"], dict(os.environ)).strip().splitlines()[-1]
    lacking = [
        path.name for path in plugins if path.name.split("-")[0].removeprefix("hushd_").replace("_", "-") not in line
    ]
    if lacking:
        raise Refusal(f"hushd does not know {', '.join(lacking)}: `hushd --version` says {line!r}.")
    return line


def smoke(environment: Path, scratch: Path) -> list[str]:
    """Speaks into a file, listens to it, serves, and offers tools to an agent; returns a line for each.

    Raises:
        Refusal: one of these does not work.
    """
    scratch.mkdir(parents=True)
    places = {"HUSHD_RUNTIME_DIR": "run", "HUSHD_STATE_DIR": "state", "HUSHD_MODELS_DIR": "models", "HOME": "home"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HUSHD_", "PYTHON", "VIRTUAL_"))}
    env = kept | {name: str(scratch / place) for name, place in places.items()}
    for place in places.values():
        (scratch / place).mkdir(mode=0o700)
    commands, sound = environment / "bin", str(scratch / "green.wav")
    try:
        began = time.monotonic()
        _run([str(commands / "say"), "-o", sound, _SENTENCE], env)
        text = _run([str(commands / "listen"), sound], env).strip()
        if text != _SENTENCE:
            raise Refusal(f"`listen` of what `say` has written says {text!r} instead of {_SENTENCE!r}.")
        spoken = f"say and listen: {text!r} in {time.monotonic() - began:.1f} s"
        tools = _tools([str(commands / "hushd"), "mcp"], env)
    finally:
        subprocess.run([commands / "hushd", "shutdown"], env=env, capture_output=True, timeout=_LIMIT_S)
    return [spoken, f"mcp: {len(tools)} tools", _serve([str(commands / "hushd")], env)]


def _tools(command: list[str], env: dict[str, str]) -> list[str]:
    """The names of the tools that an agent is offered."""
    with _process(command, env) as server:
        assert server.stdin
        assert server.stdout
        server.stdin.write("".join(json.dumps(message) + "\n" for message in _OPENING))
        server.stdin.flush()
        for line in server.stdout:
            if (message := json.loads(line)).get("id") == 2:
                return [tool["name"] for tool in message["result"]["tools"]]
    raise Refusal("`hushd mcp` ended before it had listed its tools.")


def _serve(hushd: list[str], env: dict[str, str]) -> str:
    """Has `hushd serve` answer one request of its health."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with _process([*hushd, "serve", "--http", address], env) as server:
        until = time.monotonic() + _STARTED_S
        while time.monotonic() < until and server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{address}/health", timeout=_STARTED_S) as answer:
                    return f"serve: {answer.status} for /health"
            except OSError:
                time.sleep(0.1)
    raise Refusal(f"`hushd serve` did not answer /health within {_STARTED_S} seconds.")


@contextmanager
def _process(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Runs the command meanwhile; afterwards it is asked to leave, and made to."""
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    late = threading.Timer(_LIMIT_S, process.kill)
    late.start()
    try:
        yield process
    finally:
        late.cancel()
        process.terminate()
        try:
            process.communicate(timeout=_STARTED_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _run(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=_LIMIT_S)
    if done.returncode:
        raise Refusal(f"`{Path(command[0]).name}` failed with {done.returncode}: {_last(done.stderr)}")
    return done.stdout


def _uv(*words: str) -> subprocess.CompletedProcess[str]:
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    return subprocess.run([uv, *words], capture_output=True, text=True, timeout=_LIMIT_S * 2)


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it says nothing"])[-1].strip()
