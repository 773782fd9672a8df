"""A host's `initialize` is answered before the SDK is there, and with the SDK's own words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hushd_mcp import greeting
from support.mcp_host import PROGRAM
from support.peer import BOUND_S

pytestmark = pytest.mark.skipif(find_spec("mcp") is None, reason="the extra mcp is not installed")

# The SDK at standard input and output, without a relay.
_CODE = """
import anyio
from hushd_mcp import calls, server, task, unreadable
from mcp.server.stdio import stdio_server

async def serve():
    async with stdio_server() as (read, write):
        made = server.Server(calls.Calls(task.TaskRegistry()), local=True)
        await made.attend(unreadable.Answered(read, write), write)

anyio.run(serve)
"""
UNGREETED = [sys.executable, "-P", "-c", _CODE]
STATUS = {"jsonrpc": "2.0", "id": "last", "method": "ping"}
pytestmark = [pytestmark, pytest.mark.usefixtures("runtime")]


def initialize(version: object, **changes: object) -> dict[str, object]:
    params = {"protocolVersion": version, "capabilities": {"roots": {}}, "clientInfo": {"name": "a", "version": "1"}}
    return {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params | changes}


def answers(command: list[str], *messages: object) -> list[dict[str, object]]:
    """All that is answered to these lines."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    process.stdin.write("".join(f"{json.dumps(message)}\n" for message in messages).encode())
    process.stdin.flush()
    told = []
    while not told or told[-1].get("id") != "last":  # at the end of its input the SDK drops what it is at
        told.append(json.loads(process.stdout.readline()))
    rest, _ = process.communicate(timeout=BOUND_S)
    assert (process.returncode, rest) == (0, b"")
    return told


def test_the_versions_are_the_sdks() -> None:
    """Those that it agrees to in a handshake."""
    from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

    assert greeting.VERSIONS == HANDSHAKE_PROTOCOL_VERSIONS


@pytest.mark.parametrize("version", greeting.VERSIONS)
def test_the_answer_is_the_sdks_and_comes_once(version: str) -> None:
    """Each version gets what the SDK would say, and the session goes on."""
    assert greeting.answer(json.loads(json.dumps(initialize(version))), "1") is not None
    lines = (initialize(version), {"jsonrpc": "2.0", "method": "notifications/initialized"}, {**STATUS})
    assert answers(PROGRAM, *lines) == answers(UNGREETED, *lines)


@pytest.mark.parametrize(
    "message",
    [
        initialize("1999-01-01"),
        initialize(7),
        initialize([]),
        initialize("2025-06-18", clientInfo={"name": "a"}),
        initialize("2025-06-18", capabilities={"roots": 1}),
        initialize("2025-06-18", _meta=1),
        initialize("2025-06-18") | {"id": None},
        initialize("2025-06-18") | {"id": "\udc00"},
        STATUS | {"id": "first"},
        [],
    ],
    ids=range(10),
)
def test_what_is_unusual_is_left_to_the_sdk(message: object) -> None:
    """Other versions, parameters that it may refuse, and other lines: nothing is said before it."""
    read = greeting.read(json.dumps(message).encode())
    assert read is None or read["method"] != "initialize" or greeting.answer(read, "1") is None
    assert answers(PROGRAM, message, {**STATUS}) == answers(UNGREETED, message, {**STATUS})


def test_all_but_calls_is_answered_by_the_relay_alone() -> None:
    """A host that has started, pinged and listed everything has started no other process."""
    prepared = json.loads((Path(greeting.__file__).with_name("prepared.json")).read_text())
    lists = [{"jsonrpc": "2.0", "id": method, "method": method} for method in prepared]
    told = answers(PROGRAM, initialize("2025-06-18"), *lists, STATUS)
    assert {
        each["id"]: {"result": each["result"]} for each in told[1:-1] if "result" in each
    }.items() <= prepared.items()
    assert not list(Path(os.environ["HUSHD_RUNTIME_DIR"]).glob("mcp-*"))
