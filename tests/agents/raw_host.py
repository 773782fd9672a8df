"""A host of agents without an SDK: JSON-RPC lines over pipes, for what each host does in its own way."""

from __future__ import annotations

import itertools
import json
import queue
import subprocess
import threading
from collections import defaultdict
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from support import warm
from support.peer import BOUND_S

from .mcp_host import PROGRAM, serving


class RawHost:
    """A host that has started `hushd mcp`. A context manager; leaving it closes the pipe, as hosts do.

    Args:
        name: the name in its handshake; "mcp" is that of the Python SDK's users.
        environment: all of the server's environment.
        lists: whether it asks for the list of tools before its first call.
        starts: whether the process for calls is the pipe's to start, as it is for people.
    """

    def __init__(
        self, *arguments: str, environment: dict[str, str], name: str = "mcp", lists: bool = True, starts: bool = False
    ) -> None:
        self._ids = itertools.count(1)
        self._answers: dict[int | None, queue.Queue[dict[str, Any]]] = defaultdict(queue.Queue)
        self._serving: AbstractContextManager[object] = nullcontext() if starts else serving(environment)
        self._serving.__enter__()
        pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
        self.process = warm.Popen([*PROGRAM, *arguments], env=environment, **pipes, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        client = {"name": name, "version": "1"}
        self.ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client})
        self.notify("notifications/initialized")
        if lists:
            self.ask("tools/list")

    def __enter__(self) -> RawHost:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Closes the pipe and waits for the server's end."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(BOUND_S)
        self._reader.join()
        assert self.process.stdout
        self.process.stdout.close()
        self._serving.__exit__(None, None, None)

    def begin(self, method: str, params: object = None) -> int:
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": {} if params is None else params})
        return number

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        self._send({"method": method, "params": params or {}})

    def wait(self, number: int, timeout: float = 3 * BOUND_S) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            queue.Empty: the host has waited for `timeout` seconds, and says nothing to the server.
        """
        answer = self._answers[number].get(timeout=timeout)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def refused(self, method: str, params: object) -> str:
        """The sentence of a request that is answered with an error of JSON-RPC."""
        number = self.begin(method, params)
        error: dict[str, Any] = self._answers[number].get(timeout=3 * BOUND_S)["error"]
        return str(error["message"])

    def refused_id(self, name: object, method: str, params: object) -> str:
        """The sentence of a request whose id cannot be answered."""
        self._send({"id": name, "method": method, "params": params})
        return str(self._answers[None].get(timeout=3 * BOUND_S)["error"]["message"])

    def ask(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self.wait(self.begin(method, params))

    def call(self, tool: str, **arguments: Any) -> int:
        return self.begin("tools/call", {"name": f"hushd_{tool}", "arguments": arguments})

    def data(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured content of a call: all that some hosts show their model."""
        found: dict[str, Any] = self.wait(self.call(tool, **arguments))["structuredContent"]
        return found

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        self.process.stdin.flush()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            message = json.loads(line)
            if "id" in message and "method" not in message:
                self._answers[message["id"]].put(message)
