"""`hushd relay`: connects standard input and output to the supervisor's socket, for another machine's ssh."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress

from hushd.transport import autostart
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

_PIECE_BYTES = 1 << 17


def main(prog: str, argv: Sequence[str]) -> int:
    make_parser(prog).parse_args(argv)
    here = paths.find()
    paths.prepare_runtime(here)
    supervisor = autostart.ensure(here)
    with socket.socket(socket.AF_UNIX) as end:
        try:
            end.connect(os.fspath(supervisor.client_socket))
        except OSError as error:  # the supervisor has just ended
            raise HushdError("supervisor_lost", "The supervisor went away: please try again.") from error
        threading.Thread(target=_send, args=(end,), daemon=True).start()
        with suppress(ConnectionError):
            while data := end.recv(_PIECE_BYTES):
                console.write_bytes(data)
    return 0


def make_parser(prog: str) -> Parser:
    return Parser(
        prog,
        "Connect standard input and output to hushd's socket, and start hushd if need be: ssh runs it for a "
        "machine whose HUSHD_ENDPOINT names this one.",
    )


def _send(end: socket.socket) -> None:
    """Passes standard input on; its end is the end of the connection."""
    with suppress(OSError):
        while data := os.read(0, _PIECE_BYTES):
            end.sendall(data)
        end.shutdown(socket.SHUT_RDWR)
