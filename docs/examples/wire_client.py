"""Speaks a sentence into a file of raw audio, by the protocol alone: a whole client, for one in another language.

    pip install 'hushd[default]'
    hushd serve &
    python wire_client.py "$XDG_RUNTIME_DIR/hushd/client.sock" "Hello there." hello.raw

The result has the rate of the samples, which are of 16 bits.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgpack
import zmq

socket_path, text, output = sys.argv[1:4]
socket = zmq.Context().socket(zmq.DEALER)
socket.connect("ipc://" + socket_path)


def send(payload: bytes = b"", **header: Any) -> None:
    socket.send_multipart([b"HSH1", msgpack.packb(header), payload])


def receive() -> tuple[dict[str, Any], bytes]:
    magic, header, payload = socket.recv_multipart()
    assert magic == b"HSH1"
    return msgpack.unpackb(header), payload


send(type="hello", protocol=1, version="0")
answer, _ = receive()
if answer["type"] != "welcome":
    sys.exit(answer["message"])
request = os.urandom(16)
send(text.encode(), type="request", id=request, worker="tts", op="synthesize", credit=8)
with open(output, "wb") as file:
    while True:
        header, payload = receive()
        if header["type"] == "ping":
            send(type="pong")
        elif header.get("id") != request:
            continue
        elif header["type"] == "chunk":
            file.write(payload)
            send(type="credit", id=request, chunks=1)
        elif header["type"] == "error":
            sys.exit(header["message"])
        elif header["type"] == "result":
            print(header["data"])
            break
