"""A speech server for tests, with OpenAI's API, that lies as real ones do: `lying_server.py PORT|SOCKET [LIE …]`.

It says `Hello, NAME` for `/name`, hums for as many tenths of a second as its text has words, and hears the length of
what it is given. What it was asked is appended as JSON to the file in TOLD. Of the standard library alone.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

RATE = 8000
WHERE, LIES = sys.argv[1], sys.argv[2:]
LOOKS = 2  # at `/ready`, which are told that it is not
_MEETINGS: dict[str, threading.Barrier] = {}
# The requests that get a lie: the first is the proof.
_WHEN = {"first": (0).__eq__, "later": (0).__lt__, "second": (1).__eq__, "third": (2).__eq__}


def hum(words: int, level: int = 8000) -> bytes:
    return b"".join(struct.pack("<h", level if i // 20 % 2 else -level) for i in range(RATE // 10 * words))


def wav(data: bytes, size: int | None = None) -> bytes:
    size = len(data) if size is None else size
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", (size + 36) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, RATE,
                       2 * RATE, 2, 16, b"data", size)  # fmt: skip
    return head + data


def wait_at_the_gate() -> None:
    """Waits until somebody makes the file that GATE names; makes it where nobody does for long."""
    if gate := os.environ.get("GATE"):
        until = time.monotonic() + 30
        while not os.path.exists(gate):
            if time.monotonic() > until:
                open(gate, "w").close()
            time.sleep(0.01)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = looks = 0
    counting = threading.Lock()

    def log_message(self, *_: object) -> None:
        print(f"asked for {self.path}", file=sys.stderr, flush=True)

    def address_string(self) -> str:
        return "someone"

    def do_GET(self) -> None:
        if self.path == "/voices" and "voices" in LIES:
            self.reply(json.dumps({"voices": [{"name": "anna"}, {"name": "bert"}]}).encode())
        elif self.path == "/ready":
            Handler.looks += 1
            self.reply(b'{"loaded": %s}' % (b"true" if Handler.looks > LOOKS else b"false"))
        else:
            self.reply(b"ok" if self.path == "/health" else b"<html><title>404</title>Not Found</html>", 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        speaks = self.headers["Content-Type"] == "application/json"
        with Handler.counting:  # before anybody is told, so that the next request has the next number
            served = Handler.served
            Handler.served = served + 1
        if told := os.environ.get("TOLD"):
            with open(told, "a") as file:
                file.write(json.dumps({"path": self.path, "body": body.decode("latin-1")}) + "\n")
        asked = (
            json.loads(body).get("lie", "") if speaks else body.partition(b'"lie"\r\n\r\n')[2].split(b"\r")[0].decode()
        )
        for lie in (*LIES, asked):
            name, _, value = lie.partition("=")
            if name in _WHEN:
                if not _WHEN[name](served):
                    continue
                name, _, value = value.partition(":")
            if (act := getattr(self, f"lie_{name}", None)) and act(value) is not False:
                return
        if speaks:
            self.speak(json.loads(body))
        else:
            seconds = (len(body) - 44) / 32000
            times = [{"word": "heard", "start": 0.0, "end": 0.1}]
            self.reply(json.dumps({"text": f"heard {seconds:.1f}", "language": "en", "words": times}).encode())

    def speak(self, asked: dict[str, object]) -> None:
        text = str(asked.get("input", asked.get("text")))
        if asked.get("refuse"):
            self.reply(b'{"detail": [{"loc": ["refuse"], "msg": "refuse is not allowed"}]}', 422)
        elif "stream" in LIES:  # without a length, labelled as a page, in two parts
            self.close_connection = True
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(wav(b"", 0xFFFFFFFF)[:40])
            self.wfile.write(wav(b"", 0xFFFFFFFF)[40:] + hum(1))
            self.wfile.flush()
            wait_at_the_gate()
            self.wfile.write(hum(len(text.split()) - 1) if " " in text else b"")
        else:
            self.reply(wav(hum(len(text.split()))))

    def reply(self, body: bytes, status: int = 200, length: int | None = None, kind: str = "application/json") -> None:
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    # --- lies, in the order of the command line; False: and now the truth ---------------------------------------------

    def lie_page(self, _: str) -> None:
        self.reply(b"<html><title>x</title><p>Model not found</p></html>", kind="text/html")

    def lie_nothing(self, _: str) -> None:
        self.reply(b"")

    def lie_error(self, _: str) -> None:
        self.reply(b'{"error": {"message": "no model is loaded"}}')

    def lie_status(self, value: str) -> None:
        self.reply(b"<!doctype html><title>500</title><h1>Oops</h1><p>out of luck</p>", int(value))

    def lie_silence(self, _: str) -> None:
        self.reply(wav(bytes(RATE)))

    def lie_short(self, _: str) -> None:
        self.reply(wav(hum(3)), length=100_000)
        self.close_connection = True

    def lie_loading(self, value: str) -> bool | None:
        """Answers so many requests by 503; none once it has said that it is loaded."""
        if Handler.served > int(value) or Handler.looks > LOOKS:
            return False
        self.reply(b'{"error": "loading"}', 503)
        return None

    def lie_hang(self, _: str) -> None:
        time.sleep(600)

    def lie_slow(self, value: str) -> bool:
        time.sleep(float(value))
        return False

    def lie_gate(self, _: str) -> bool:
        wait_at_the_gate()
        return False

    def lie_meets(self, value: str) -> bool:
        """Answers once so many requests are here."""
        _MEETINGS.setdefault(value, threading.Barrier(int(value), timeout=60)).wait()
        return False

    def lie_busy(self, value: str) -> bool:
        """Goes on computing, whether or not its client stays, and says when it is done."""
        until = time.monotonic() + float(value)
        while time.monotonic() < until:
            pass
        with open(os.environ["TOLD"], "a") as file:
            file.write(json.dumps({"path": "done", "body": "{}"}) + "\n")
        return False

    def lie_file(self, value: str) -> None:
        """Sends the file of that name in two parts, the second through the gate."""
        self.close_connection = True
        self.send_response(200)
        self.end_headers()
        with open(value, "rb") as file:
            data = file.read()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        wait_at_the_gate()
        self.wfile.write(data[len(data) // 2 :])

    def lie_says(self, value: str) -> None:
        """Sends this, in base64, as its whole answer."""
        self.close_connection = True
        self.wfile.write(base64.b64decode(value))

    def lie_die(self, _: str) -> None:
        print("Segmentation fault: the model is too large", file=sys.stderr, flush=True)
        os._exit(9)


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    address_family = socket.AF_UNIX if "/" in WHERE else socket.AF_INET

    def server_bind(self) -> None:
        if "shares" in LIES:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        return self.socket.accept()[0], ("here", 0)


def main() -> None:
    if "crash" in LIES:
        print("Loading the model\nRuntimeError: CUDA is not here", file=sys.stderr)
        sys.exit(3)
    if "stays" in LIES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "lingers" in LIES:  # and ends itself, after longer than workers usually may take
        signal.signal(signal.SIGTERM, lambda *_: (time.sleep(6), open(os.environ["TOLD"], "w").close(), os._exit(0)))
    if "escapes" in LIES:  # a helper in a session of its own, and one below it whose parent is gone
        script = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
        subprocess.Popen([sys.executable, "-c", f"{script}; import time; time.sleep(600)"], start_new_session=True)
        subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    hoard = b"x" * 64_000_000 if "hoards" in LIES else b""
    if "deaf" in LIES:
        time.sleep(600)
    if "full" in LIES:  # with the first connection, which it never takes
        with socket.create_server(("127.0.0.1", int(WHERE)), backlog=0):
            time.sleep(600)
    with Server(WHERE if "/" in WHERE else ("127.0.0.1", int(WHERE)), Handler) as server:
        server.serve_forever()
    del hoard


if __name__ == "__main__":
    main()
