"""`hushd mcp` over standard input and output, or over HTTP."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from hushd_protocol import __version__
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

from .calls import Calls
from .task import TaskRegistry
from .tools import Tools

PATIENCE_S = 25.0  # hosts give up after 60 s, some of them after 30
_INSTRUCTIONS = """\
hushd speaks to the person at this computer and hears them; all of it runs here, nothing leaves the machine.
Use `converse` to ask something aloud and hear the answer, `say` to only tell something, `listen` to only hear.
An answer with a ticket is not the end: call `result` with it until there is none.
What was heard comes from a speech model, which may mishear names and numbers: ask again when it matters."""


class Server(MCPServer[Any]):
    """The SDK's server, whose complaints about arguments are one sentence."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                raise ToolError(_sentence(error.__cause__)) from error.__cause__
            raise


def build(desk: TaskRegistry, patience: float = PATIENCE_S, holder: str | None = None, *, local: bool = True) -> Server:
    """The server with its tools; the arguments are those of `Calls` and `Tools`."""
    server = Server(
        "hushd",
        title="hushd: a voice and ears",
        version=__version__,
        instructions=_INSTRUCTIONS,
        log_level="ERROR",
        subscriptions=False,
    )
    Tools(Calls(desk, patience, holder), local=local).register(server)
    return server


def serve(patience: float, holder: str | None) -> int:
    """Serves the host at standard input and output until it closes them; then all that is spoken ends."""
    desk = TaskRegistry()
    server = build(desk, patience, holder)
    take_signals(desk.close, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        server.run()
    finally:
        desk.close()
    return 0


def take_signals(close: Callable[[], None], *numbers: signal.Signals) -> None:
    """Has these signals end the process after `close`, on a thread: it waits for others.

    Not by an exception: the event loop would wait for the thread that reads standard input, and that for the host.
    """

    def leave(number: int, _: object) -> None:
        def end() -> None:
            close()
            os._exit(128 + number)

        threading.Thread(target=end, daemon=True).start()

    for number in numbers:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def _sentence(error: ValidationError) -> str:
    """What is wrong with the first argument that is wrong."""
    wrong = error.errors(include_url=False, include_context=False)[0]
    name = str(wrong["loc"][0]) if wrong["loc"] else "The arguments"
    if wrong["type"] == "missing":
        return f"The argument {name} is missing."
    message = wrong["msg"][:1].lower() + wrong["msg"][1:]
    return f"The argument {name} is wrong: {message}, not {str(wrong['input'])[:60]!r}."
