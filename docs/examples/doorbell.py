"""Announces the doorbell: a button on a Raspberry Pi, a POST, or a line of standard input.

    pip install 'hushd[default]'            # and gpiozero, for the button
    python doorbell.py --pin 17             # a button between GPIO 17 and ground
    python doorbell.py --http 8090          # curl -X POST http://127.0.0.1:8090/ -d 'A parcel is here.'
    mosquitto_sub -t door/bell | python doorbell.py

The priority `important` interrupts all speech of lower priority at once.
"""

from __future__ import annotations

import argparse
import queue
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import hushd

TEXT = "Somebody is at the door."
MAX_BYTES = 300  # bytes of an announcement
rings: queue.Queue[str | None] = queue.Queue(
    maxsize=1
)  # one announcement waits while another is spoken; further rings are dropped


def ring(text: str = TEXT) -> None:
    """Queues a text to speak, unless one waits already."""
    with suppress(queue.Full):
        rings.put_nowait(text)


class Bell(BaseHTTPRequestHandler):
    """Rings at a POST, and speaks its body, if any."""

    def do_POST(self) -> None:
        text = self.rfile.read(min(MAX_BYTES, int(self.headers.get("Content-Length", 0)))).decode(errors="replace")
        foreign = "Origin" in self.headers  # the request of a web page in a visitor's browser
        if not foreign:
            ring(text.strip() or TEXT)
        self.send_response(403 if foreign else 204)
        self.end_headers()


def read_lines() -> None:
    """Speaks each line of standard input, until it ends."""
    for line in sys.stdin:
        rings.put(line.strip() or TEXT)
    rings.put(None)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speaks when somebody rings.")
    parser.add_argument("--http", type=int, metavar="PORT", help="ring by POST, from this machine")
    parser.add_argument("--pin", type=int, help="ring by a button at this GPIO pin")
    options = parser.parse_args()
    if options.http is not None:
        server = ThreadingHTTPServer(("127.0.0.1", options.http), Bell)
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    elif options.pin is not None:
        from gpiozero import Button

        button = Button(options.pin, bounce_time=0.05)
        button.when_pressed = ring
    else:
        threading.Thread(target=read_lines, daemon=True).start()
    with hushd.Client() as client, suppress(KeyboardInterrupt):
        while (text := rings.get()) is not None:
            try:
                client.say(text, priority="important")
            except hushd.HushdError as error:  # such as `hushd stop`: the next ring works again
                print(error, file=sys.stderr)


if __name__ == "__main__":
    main()
