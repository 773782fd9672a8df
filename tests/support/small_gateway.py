"""A gateway without hushd's servers: the real handover, an application that shows what arrived, and streams that echo.

small_gateway.py [--idle SECONDS] [--die] [--deaf] --channel N
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from typing import Any

from hushd_gateway.handover import Receiver
from hushd_gateway.streams import serve_streams
from hushd_gateway.uvicorn_internals.http_server import HttpServer
from hushd_protocol.system.handover import Handover
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def show(request: Request) -> PlainTextResponse:
    body = await request.body()
    return PlainTextResponse(f"{os.getpid()} {request.method} {request.url.path} {len(body)}")


async def echo_text(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


async def echo_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--idle", type=float, default=60.0)
    parser.add_argument("--die", action="store_true", help="at the start")
    parser.add_argument("--deaf", action="store_true", help="receives nothing")
    parser.add_argument("--channel", type=int, required=True)
    options = parser.parse_args()
    if options.die:
        sys.exit("no gateway today")
    if options.deaf:
        signal.pause()
    methods = ["GET", "POST"]
    app = Starlette(routes=[WebSocketRoute("/socket", echo_text), Route("/{rest:path}", show, methods=methods)])

    async def run() -> None:
        http = HttpServer(app)

        async def streams(connection: socket.socket, handover: Handover) -> None:
            await serve_streams(connection, handover, echo_lines)

        servers: dict[str, Any] = {"http": http.serve, "wyoming": streams}
        await Receiver(socket.socket(fileno=options.channel), servers, options.idle, http.leave).run()

    asyncio.run(run())


if __name__ == "__main__":
    main()
