"""A model's server on this machine, by which hosts of agents take a turn: it asks for one tool, then answers.

It speaks as much of four dialects as the hosts need: Anthropic's messages, OpenAI's responses and chat completions, and
Gemini's generateContent, each as a stream of events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

# Claude Code's first prompt may come before its servers: their tools are there once this was called, maybe again.
_WAIT = "WaitForMcpServers"
_USAGE = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
Event = dict[str, Any]


class Model:
    """A script, and the results that hosts have told.

    Attributes:
        url: where hosts reach it.
        results: what came back of the tool, each as JSON.
    """

    def __init__(self, tool: str, arguments: dict[str, Any], answer: str) -> None:
        self.url = ""
        self.results: list[str] = []
        self._tool = tool
        self._arguments = arguments
        self._answer = answer

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serves on this machine alone, until it is left."""
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                prompt = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                events = model.reply(self.path.partition("?")[0], prompt)
                body = "".join(_event(event) for event in events).encode()
                self.send_response(200 if events else 404)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            Thread(target=server.serve_forever, daemon=True).start()
            try:
                yield
            finally:
                server.shutdown()

    def reply(self, path: str, prompt: dict[str, Any]) -> list[Event]:
        """The events of an answer to a prompt; none, where the path is of no dialect."""
        if path.endswith("/v1/messages"):
            return self._anthropic(prompt)
        if path.endswith("/responses"):
            return self._responses(prompt)
        if path.endswith("/chat/completions"):
            return self._chat(prompt)
        return self._gemini(prompt) if path.endswith(":streamGenerateContent") else []

    def _called(self, names: list[str], results: list[Any]) -> str | None:
        """The tool to call, by the host's own name for it; None: answer."""
        self.results += map(json.dumps, results)
        return None if results else next((name for name in names if name.endswith(self._tool)), None)

    def _anthropic(self, prompt: dict[str, Any]) -> list[Event]:
        names = [tool["name"] for tool in prompt.get("tools", [])]
        contents = [message["content"] for message in prompt["messages"] if isinstance(message["content"], list)]
        parts = [part for content in contents for part in content if part["type"] == "tool_result"]
        results = [part for part in parts if not part["tool_use_id"].startswith(_WAIT)]
        name = self._called(names, results)
        waited = len(parts) - len(results)
        if name is None and _WAIT in names and not results:
            name = _WAIT
        block: Event = {"type": "text", "text": ""}
        delta: Event = {"type": "text_delta", "text": self._answer}
        if name:
            call = f"{_WAIT}-{waited}" if name == _WAIT else "call"
            block = {"type": "tool_use", "id": call, "name": name, "input": {}}
            arguments = {} if name == _WAIT else self._arguments
            delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
        message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": _USAGE}
        ended = {"stop_reason": "tool_use" if name else "end_turn", "stop_sequence": None}
        return [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": ended, "usage": _USAGE},
            {"type": "message_stop"},
        ]

    def _responses(self, prompt: dict[str, Any]) -> list[Event]:
        tools = prompt.get("tools", [])
        spaces = {tool["name"]: space["name"] for space in tools for tool in space.get("tools", [])}
        names = [*spaces, *(tool["name"] for tool in tools if tool["type"] == "function")]
        name = self._called(names, [part for part in prompt["input"] if part["type"] == "function_call_output"])
        text = [{"type": "output_text", "text": self._answer, "annotations": []}]
        item: Event = {"type": "message", "id": "m", "role": "assistant", "content": text}
        if name:
            arguments = json.dumps(self._arguments)
            item = {"type": "function_call", "id": "f", "call_id": "call", "name": name, "arguments": arguments}
            item |= {"namespace": spaces[name]} if name in spaces else {}
        response = {"id": "r", "object": "response", "output": []}
        return [
            {"type": "response.created", "response": response},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response | {"output": [item], "usage": _USAGE}},
        ]

    def _chat(self, prompt: dict[str, Any]) -> list[Event]:
        names = [tool["function"]["name"] for tool in prompt.get("tools", [])]
        name = self._called(names, [message for message in prompt["messages"] if message["role"] == "tool"])
        delta: Event = {"role": "assistant", "content": self._answer}
        if name:
            function = {"name": name, "arguments": json.dumps(self._arguments)}
            call = {"index": 0, "id": "call", "type": "function", "function": function}
            delta = {"role": "assistant", "tool_calls": [call]}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        reason = "tool_calls" if name else "stop"
        return [
            chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        ]

    def _gemini(self, prompt: dict[str, Any]) -> list[Event]:
        names = [each["name"] for tool in prompt.get("tools", []) for each in tool.get("functionDeclarations", [])]
        parts = [part for content in prompt["contents"] for part in content["parts"]]
        name = self._called(names, [part["functionResponse"] for part in parts if "functionResponse" in part])
        part = {"functionCall": {"name": name, "args": self._arguments}} if name else {"text": self._answer}
        content = {"role": "model", "parts": [part]}
        return [{"candidates": [{"content": content, "finishReason": "STOP", "index": 0}]}]


def _event(event: Event) -> str:
    """An event of a stream; Anthropic's and OpenAI's have names."""
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"
