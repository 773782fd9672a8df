"""Reads messages, and answers a host's `initialize` before any process has imported the SDK.

The import takes a second of a processor, and on a busy machine longer than hosts wait for this answer (Claude Code:
30 s). The SDK gets the same line later, and its answer is dropped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

PARSE_ERROR, INVALID_REQUEST, INTERNAL_ERROR = -32700, -32600, -32603  # JSON-RPC's codes
MAX_MESSAGE_BYTES = 1 << 23
TOO_LONG = "A message has at most 8 MB: send a recording by its path, and a long text in parts."
SENTENCE = "This is not a message of JSON-RPC 2.0: send one object, in one line of JSON, without lone surrogates."
INITIALIZED = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'


def is_whole(value: object) -> bool:
    """Returns whether no text in the value has a lone surrogate, which cannot be sent."""
    if isinstance(value, str):
        return value.isascii() or value.encode(errors="ignore").decode() == value
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return not isinstance(value, list) or all(map(is_whole, value))


VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")  # the versions that the SDK accepts in `initialize`
INFORMATION = {"name": "hushd", "title": "hushd: a voice and ears"}
INSTRUCTIONS = """\
hushd speaks to the person at this computer and listens to them; all of it runs here, nothing leaves the machine.
Use `hushd_converse` to ask aloud and get the answer, `hushd_say` to only speak, `hushd_listen` to only listen.
An answer with a ticket is not the end: call `hushd_result` with it until there is none.
A speech model writes their words down and may get names and numbers wrong: ask again when it matters."""
USUAL_LANGUAGES = "such as en or de"  # words of a description, where the user's own languages stand instead
_CAPABILITIES = {"tools": {"listChanged": False}}


def instructions(speaks: str) -> str:
    """Returns what a host's model is told of hushd, and of the person: the languages that they speak, if known."""
    spoken = f"\nLanguages of the person, the one spoken most first: {speaks}. Speak to them in that one."
    return INSTRUCTIONS + (spoken if speaks else "")


def answer(message: dict[str, object], version: str, speaks: str) -> dict[str, object] | None:
    """Returns the answer to an `initialize`, as the SDK gives it; None if the SDK may answer otherwise."""
    params = message.get("params")
    if type(message.get("id")) not in (str, int) or not isinstance(params, dict) or not _is_usual(params):
        return None
    result = {
        "capabilities": _CAPABILITIES,
        "instructions": instructions(speaks),
        "protocolVersion": params["protocolVersion"],
        "serverInfo": INFORMATION | {"version": version},
    }
    return {"result": result}


def is_plain(message: dict[str, object]) -> bool:
    """Returns whether a prepared answer fits: the request has no parameters except those that any host may add."""
    params = message.get("params", {})
    extra = params.get("_meta", {}) if isinstance(params, dict) and params.keys() <= {"_meta"} else None
    token = extra.get("progressToken", 0) if isinstance(extra, dict) else None
    return type(message.get("id")) in (str, int) and type(token) in (str, int)


def read(line: bytes | bytearray) -> dict[str, object] | None:
    """Returns the message in a line; None if there is none."""
    try:
        message = json.loads(line.decode(), parse_constant=_refuse)
        readable = b"\\u" not in line or is_whole(message)
    except (ValueError, RecursionError):
        return None
    usual = (
        isinstance(message, dict)
        and message.get("jsonrpc") == "2.0"
        and isinstance(message.get("method", ""), str)
        and isinstance(message.get("params"), dict | None)
        and not message.keys().isdisjoint(("method", "result", "error"))
    )
    return message if readable and usual else None


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def id_in(line: bytes) -> str | int | None:
    """Returns the id in a line that is not a message, if it has one."""
    try:
        value = json.loads(line.decode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    name = id_of(value) if isinstance(value, dict) else None
    return name if is_whole(name) else None


def id_of(message: dict[str, object], key: str = "id") -> str | int | None:
    """Returns the id of a request in a message; None for what cannot be one."""
    name = message.get(key)
    return name if isinstance(name, str | int) and not isinstance(name, bool) else None


def cancelled(message: dict[str, object]) -> str | int | None:
    """Returns the id of the request that a message cancels; None for any other message."""
    params = message.get("params") if message.get("method") == "notifications/cancelled" else None
    return id_of(params, "requestId") if isinstance(params, dict) else None


def id_fault(message: dict[str, object], running: Iterable[object]) -> str:
    """Returns why a request has an id that its answer cannot have; empty for any other message.
    `running`: the ids of unanswered requests."""
    if "method" not in message or "id" not in message:
        return ""
    name = id_of(message)
    if name is None:
        return "The id of a request is a text or a whole number: send it with one."
    taken = str(name) in map(str, list(running))  # the SDK keeps 1 and "1" in one place
    return f"A request with the id {name!r:.60} still runs: give each its own." if taken else ""


def _is_usual(params: dict[str, object]) -> bool:
    """Returns whether these are known parameters, which the SDK accepts."""
    client, capabilities = params.get("clientInfo"), params.get("capabilities")
    return (
        params.keys() <= {"protocolVersion", "clientInfo", "capabilities"}
        and params.get("protocolVersion") in VERSIONS
        and isinstance(client, dict)
        and {"name", "version"} <= client.keys()
        and all(isinstance(client.get(key, ""), str) for key in ("name", "title", "version", "description"))
        and isinstance(capabilities, dict)
        and all(isinstance(value, dict) for value in capabilities.values())
    )
