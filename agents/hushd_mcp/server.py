"""The MCP server for one session."""

from __future__ import annotations

from typing import Any

from hushd_models import preferences
from hushd_protocol import JsonObject, __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import nearest
from hushd_protocol.system import paths
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http import EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, InputRequiredResult
from mcp_types import Tool as ListedTool
from pydantic import ValidationError

from .answers import refusal
from .calls import Calls
from .greeting import INFORMATION, instructions
from .tools import PREFIX, Tools

_EMPTY = ("prompts", "resources")  # capabilities
_METHODS = {"prompts/get": "prompts", "resources/read": "resources"}  # methods of empty capabilities


class AgentServer(MCPServer[Any]):
    """The SDK's server with hushd's tools. It refuses a bad call in one sentence, as text and as data."""

    def __init__(self, answered: Calls) -> None:
        self._calls = answered
        tools = Tools(answered).all()
        self._arguments = {tool.name: list(tool.parameters["properties"]) for tool in tools}
        super().__init__(
            INFORMATION["name"],
            title=INFORMATION["title"],
            version=__version__,
            instructions=instructions(preferences.languages_spoken(paths.find().config)),
            tools=tools,
            log_level="ERROR",
            subscriptions=False,
            middleware=[self._notice],
        )

    def over_http(self, messages: EventStore, most_bytes: int) -> StreamableHTTPSessionManager:
        """Returns what serves it over HTTP, and keeps its last `messages` for clients that read on."""
        return StreamableHTTPSessionManager(
            self._lowlevel_server, messages, session_idle_timeout=None, max_request_body_size=most_bytes
        )

    async def list_tools(self) -> list[ListedTool]:
        self._calls.resumable = True  # hosts that make one call a process do not list the tools
        return await super().list_tools()

    async def call_tool(
        self, name: str, arguments: JsonObject, context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            self._check(name, arguments)
            with self._calls.place():
                return await super().call_tool(name, arguments, context)
        except HushdError as error:
            return refusal(error)
        except ToolError as error:
            if isinstance(error.__cause__, ValidationError):
                return refusal(HushdError("bad_request", _sentence(error.__cause__)))
            raise
        finally:
            self._calls.resumable = True  # a second call shows that the process is not for one call

    def _check(self, name: str, arguments: JsonObject) -> None:
        parameters = self._arguments.get(name)
        if parameters is None:
            suggestion = nearest(name, self._arguments) or nearest(PREFIX + name, self._arguments)
            hint = f"did you mean {suggestion}?" if suggestion else f"there are {', '.join(self._arguments)}."
            raise HushdError("bad_request", f"There is no tool {name!r:.60}: {hint}")
        for argument in arguments:
            if argument not in parameters:
                suggestion = nearest(argument, parameters)
                hint = f"did you mean {suggestion}?" if suggestion else f"it takes {', '.join(parameters) or 'none'}."
                raise HushdError("bad_request", f"{name} has no argument {argument!r:.60}: {hint}")

    async def _notice(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Middleware: offers only tools, since the SDK adds empty lists of prompts and resources."""
        if nothing := _METHODS.get(ctx.method):  # the SDK would log a traceback for each
            raise MCPError(INVALID_PARAMS, f"hushd has no {nothing}: it has tools.")
        result = await call_next(ctx)
        if ctx.method in ("initialize", "server/discover") and isinstance(result, dict):
            offered = result.get("capabilities", {})
            return result | {"capabilities": {name: offered[name] for name in offered if name not in _EMPTY}}
        return result


def _sentence(error: ValidationError) -> str:
    """Returns a sentence with the first wrong argument and the reason."""
    wrong = error.errors(include_url=False, include_context=False)[0]
    name = str(wrong["loc"][0]) if wrong["loc"] else "The arguments"
    if wrong["type"] == "missing":
        return f"The argument {name} is missing."
    message = wrong["msg"][:1].lower() + wrong["msg"][1:]
    return f"The argument {name} is wrong: {message}, not {str(wrong['input'])[:60]!r}."
