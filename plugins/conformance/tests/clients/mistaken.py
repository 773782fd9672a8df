"""A client from scratch, which makes the mistake that its first argument names, or none."""

import os
import sys

import msgpack
import zmq

mistake, operation, *arguments = sys.argv[1:]
socket = zmq.Context().socket(zmq.DEALER)
socket.setsockopt(zmq.LINGER, 1000)
monitor = socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
socket.connect(f"ipc://{os.environ['HUSHD_RUNTIME_DIR']}/client.sock")


def send(payload=b"", **header):
    socket.send_multipart([b"HSH1", msgpack.packb(header), payload])


def fail(code, message):
    sys.exit(message if mistake == "hides codes" else f"{code}: {message}")


def receive():
    poller = zmq.Poller()
    poller.register(socket, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    while True:
        if socket in dict(poller.poll()):
            _, header, payload = socket.recv_multipart()
            fields = msgpack.unpackb(header)
            if fields["type"] != "ping":
                return fields, payload
            if mistake != "answers no ping":
                send(type="pong")
        elif mistake == "is glad of a loss":
            sys.exit(0)
        else:
            fail("supervisor_lost", "The supervisor went away.")


def greet():
    send(type="hello", protocol=1, version="0")
    if mistake != "does not wait for the welcome":
        fields, _ = receive()
        if fields["type"] == "error" and mistake != "takes any welcome":
            fail(fields["code"], fields["message"])


def chunks(path):
    with open(path, "rb") as file:
        while piece := file.read(65536):
            yield piece


def ask(request, text=b"", **fields):
    """Sends a request and what it streams; returns the output."""
    output, expected, number = b"", 0, 0
    input = chunks(arguments[0]) if fields.get("input") == "stream" else None
    send(text, type="request", id=request, credit=8, **fields)
    if mistake == "sends without credit" and input:
        send(next(input), type="chunk", id=request, seq=0)
    while True:
        header, payload = receive()
        kind = header["type"]
        if header.get("id") != request:
            if mistake == "takes what is others'" and kind == "chunk":
                output += payload
        elif kind == "credit":
            piece = next(input, b"")
            counted = 0 if mistake == "does not count" else number
            send(piece, type="chunk", id=request, seq=counted, last=not piece)
            number += 1
        elif kind in ("chunk", "partial"):
            if header["seq"] != expected and mistake != "sees no gap":
                send(type="cancel", id=request)
                fail("protocol_error", "A piece is missing.")
            expected += 1
            output += payload if kind == "chunk" else header["data"]["text"].encode()
            if mistake != "grants no credit":
                send(type="credit", id=request, chunks=1)
        elif kind == "error":
            return header
        elif kind == "result":
            return output
        elif kind not in ("accepted", "progress") and mistake == "stumbles over types":
            fail("protocol_error", f"What is {kind}?")


def main():
    if mistake == "asks before hello":
        send(type="control", id=os.urandom(16), action="status")
    greet()
    request = os.urandom(16)
    if operation == "status":
        send(type="control", id=request, action="status")
        receive()
        return
    if operation == "synthesize":
        text = b"" if mistake == "forgets the text" else arguments[0].encode()
        answer = ask(request, text, worker="tts", op="synthesize")
    else:
        answer = ask(request, worker="stt", op="transcribe", **described())
        if isinstance(answer, dict) and answer["code"] == "path_unreachable" and mistake != "insists on its path":
            streamed = {"worker": "stt", "op": "transcribe", "input": "stream"}
            answer = ask(request := os.urandom(16), **streamed)
            if isinstance(answer, dict) and answer["code"] == "worker_crashed":
                attempt = 0 if mistake == "forgets its attempt" else 1
                answer = ask(request, attempt=attempt, **streamed)
            if isinstance(answer, dict) and answer["code"] == "worker_crashed" and mistake == "asks for ever":
                answer = ask(request, attempt=1, **streamed)
    if isinstance(answer, dict):
        codes = ("overloaded", "input_unreadable", "path_unreachable", "worker_crashed")
        if mistake == "is glad of errors":
            return
        fail(answer["code"] if answer["code"] in codes else "worker_failed", answer["message"])
    sys.stdout.buffer.write(answer)


def described():
    info = os.stat(arguments[0])
    inode = 0 if mistake == "names another file" else info.st_ino
    return {"input": "path", "path": arguments[0], "device": info.st_dev, "inode": inode, "size": info.st_size}


main()
