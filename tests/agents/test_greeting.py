"""A host's `initialize` is answered before the SDK is there, and with the SDK's own words."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import pytest
from hushd_mcp import greeting
from support.peer import BOUND_S

from .mcp_host import PROGRAM

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")

STATUS = {"jsonrpc": "2.0", "id": "last", "method": "ping"}
# One process for the calls of all tests: it loads the SDK once.
pytestmark = [pytestmark, pytest.mark.usefixtures("home")]


def initialize(version: object, **changes: object) -> dict[str, object]:
    params = {"protocolVersion": version, "capabilities": {"roots": {}}, "clientInfo": {"name": "a", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params | changes}


def answers(*messages: object) -> list[dict[str, object]]:
    """All that a session answers to these lines, the last of which is STATUS."""
    process = subprocess.Popen(PROGRAM, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    told = said(process.stdin, process.stdout, messages)
    rest, _ = process.communicate(timeout=BOUND_S)
    assert (process.returncode, rest) == (0, b"")
    return told


def of_the_sdk(*messages: object) -> list[dict[str, object]]:
    """All that the SDK answers to them, without a pipe."""
    import anyio
    from hushd_mcp import calls, server, work
    from mcp.server.stdio import stdio_server

    async def serve(lines: IO[str], answers: IO[str]) -> None:
        with lines, answers:
            async with stdio_server(anyio.wrap_file(lines), anyio.wrap_file(answers)) as (read, write):
                made = server.AgentServer(calls.Calls(work.TaskRegistry()))._lowlevel_server
                await made.run(read, write, made.create_initialization_options())

    (lines, ours), (theirs, answers) = os.pipe(), os.pipe()
    serving = threading.Thread(
        target=anyio.run, args=(serve, os.fdopen(lines, errors="replace"), os.fdopen(answers, "w"))
    )
    serving.start()
    with os.fdopen(ours, "wb") as stdin, os.fdopen(theirs, "rb") as stdout:
        told = said(stdin, stdout, messages)
    serving.join(BOUND_S)
    return told


def said(stdin: IO[bytes], stdout: IO[bytes], messages: Iterable[object]) -> list[dict[str, object]]:
    stdin.write("".join(f"{json.dumps(message)}\n" for message in messages).encode())
    stdin.flush()
    told: list[dict[str, object]] = []
    while not told or told[-1].get("id") != "last":  # at the end of its input the SDK drops what it is at
        told.append(json.loads(stdout.readline()))
    return told


@pytest.mark.parametrize("version", greeting.VERSIONS)
def test_the_answer_is_the_sdks_and_comes_once(version: str) -> None:
    """Each version gets what the SDK would say, and the session goes on."""
    assert greeting.answer(json.loads(json.dumps(initialize(version))), "1", "") is not None
    lines = (initialize(version), {"jsonrpc": "2.0", "method": "notifications/initialized"}, {**STATUS})
    assert answers(*lines) == of_the_sdk(*lines)


def test_all_but_calls_is_answered_by_the_pipe_alone(runtime: Path) -> None:
    """A host that has started, pinged and listed everything has started no other process."""
    prepared = json.loads((Path(greeting.__file__).with_name("prepared.json")).read_text())
    lists = [{"jsonrpc": "2.0", "id": method, "method": method} for method in prepared]
    told = answers(initialize("2025-06-18"), *lists, STATUS)
    assert {
        each["id"]: {"result": each["result"]} for each in told[1:-1] if "result" in each
    }.items() <= prepared.items()
    assert not list(runtime.glob("mcp-*"))


def test_the_descriptions_name_the_users_languages(runtime: Path) -> None:
    """Those of the configuration, by the pipe as by the server, and the instructions say which the person speaks: a
    model that knows it asks in the right one from the first question on."""
    (runtime / "config.toml").write_text('languages = ["fr", "pt"]\n')
    listing = {"jsonrpc": "2.0", "id": "list", "method": "tools/list"}
    answered = {each["id"]: each for each in answers(initialize("2025-06-18"), listing, STATUS)}
    spoken = (
        "Languages of the person, the one spoken most first: French (fr), Portuguese (pt). Speak to them in that one."
    )
    assert answered[0]["result"]["instructions"].endswith(spoken)  # type: ignore[index]
    told = answered["list"]
    tools = {tool["name"]: tool for tool in told["result"]["tools"]}  # type: ignore[index]
    for name in ("hushd_say", "hushd_listen", "hushd_transcribe", "hushd_voices"):
        about = tools[name]["inputSchema"]["properties"]["language"]["description"]
        assert about == "Language spoken, such as fr or pt (default: any)."
    assert told == {each["id"]: each for each in of_the_sdk(initialize("2025-06-18"), listing, STATUS)}["list"]
