"""The answer to a host's `initialize` over standard input, before the SDK is imported.

The import takes half a second of a processor, without byte code two, and on a busy machine longer than hosts wait for
this answer (Claude Code: 30 s). So the answer is given first, and the SDK, which gets the same line, repeats it to
nobody. Nothing is imported here that takes time.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from hushd_protocol import JsonObject, __version__

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")  # those that the SDK agrees to in `initialize`
INFORMATION = {"name": "hushd", "title": "hushd: a voice and ears", "version": __version__}
INSTRUCTIONS = """\
hushd speaks to the person at this computer and listens to them; all of it runs here, nothing leaves the machine.
Use `hushd_converse` to ask aloud and get the answer, `hushd_say` to only speak, `hushd_listen` to only listen,
`hushd_wake` to be called by a word.
An answer with a ticket is not the end: call `hushd_result` with it until there is none.
A speech model writes their words down and may get names and numbers wrong: ask again when it matters."""
_CAPABILITIES = {"tools": {"listChanged": False}}


class Opening(NamedTuple):
    """The first line of a host.

    Attributes:
        line: as it came.
        answered: the id of the request in it that was answered; None: none was.
    """

    line: bytes
    answered: str | int | None


UNREAD = Opening(b"", None)


def receive() -> Opening:
    """Reads the first line, and not a byte more; answers it where it is an `initialize` of the usual form."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    result = answer(line)
    if result is not None:
        os.write(1, json.dumps(result, separators=(",", ":")).encode() + b"\n")
    return Opening(bytes(line), None if result is None else result["id"])


def answer(line: bytes | bytearray) -> JsonObject | None:
    """The answer to the line, the SDK's to the letter; None where the SDK may have another one."""
    try:
        message = json.loads(line)
        json.dumps(message, ensure_ascii=False, allow_nan=False).encode()  # half a character is refused by the SDK
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("method") != "initialize" or message.get("jsonrpc") != "2.0":
        return None
    name, params = message.get("id"), message.get("params")
    if type(name) not in (str, int) or not isinstance(params, dict) or not _is_usual(params):
        return None
    result = {
        "capabilities": _CAPABILITIES,
        "instructions": INSTRUCTIONS,
        "protocolVersion": params["protocolVersion"],
        "serverInfo": INFORMATION,
    }
    return {"jsonrpc": "2.0", "id": name, "result": result}


def _is_usual(params: dict[str, Any]) -> bool:
    """Returns whether these are parameters that the SDK accepts, as far as they are known here."""
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
