"""A program that behaves as docker does: `containers.py daemon|run|stop SOCKET …`.

Containers are the daemon's children, not those of `run`, which waits for the end of its own: a TERM it passes on, after
a KILL the container lives on until somebody stops it by name.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import socketserver
import subprocess
import sys

_running: dict[str, subprocess.Popen[bytes]] = {}


class _Request(socketserver.StreamRequestHandler):
    """A line of JSON, `[name, command]` to run or `[name]` to stop; the answer is the exit status."""

    def handle(self) -> None:
        name, *command = json.loads(self.rfile.readline())
        with contextlib.suppress(OSError):
            if command:
                _running[name] = subprocess.Popen(*command, stdin=subprocess.DEVNULL)
                self.wfile.write(b"%d\n" % _running[name].wait())
            elif name in _running:
                _running[name].kill()
                self.wfile.write(b"%d\n" % _running[name].wait())


class _Daemon(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def _ask(path: str, *words: object) -> int:
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.connect(path)
        daemon.sendall(json.dumps(words).encode() + b"\n")
        return int(daemon.makefile().readline() or 1)


def main() -> None:
    what, path, *words = sys.argv[1:]
    if what == "daemon":
        with _Daemon(path, _Request) as daemon:
            print("ready", flush=True)
            daemon.serve_forever()
    elif what == "run":
        signal.signal(signal.SIGTERM, lambda *_: _ask(path, words[0]))
        os._exit(_ask(path, words[0], words[1:]) & 255)
    else:
        _ask(path, words[0])


if __name__ == "__main__":
    main()
