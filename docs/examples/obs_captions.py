"""Shows captions in OBS: as a page for a browser source, or in a text source by OBS's websocket.

    pip install 'hushd[default]'                          # and obsws-python, for the websocket
    hushd captions --json | python obs_captions.py                        # browser source: http://127.0.0.1:8091/
    hushd captions --json | OBS_PASSWORD=… python obs_captions.py --text Captions          # the source's name

`hushd captions --microphone` captions your own voice. With a file, no program is needed: `hushd captions --live
captions.txt`, and in OBS a text source that reads this file.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Captions</title>
<style>p { font: 48px sans-serif; white-space: pre-line; text-align: center; color: white; text-shadow: 0 0 8px black }
</style>
<p></p><script>
let silence;
new EventSource("/events").onmessage = ({ data }) => {
  const caption = document.querySelector("p");
  caption.textContent = JSON.parse(data);
  clearTimeout(silence);
  silence = setTimeout(() => { caption.textContent = "" }, 8000);
};
</script>"""
changed = threading.Condition()
caption = ""


def captions(events: Iterable[str]) -> Iterator[str]:
    """Yields the caption whenever it changes: the last two lines, and the unfinished one."""
    lines: dict[tuple[str, int], str] = {}
    for event in map(json.loads, events):
        making = ""
        if event["kind"] == "line":
            lines[event["track"], event["id"]] = event["text"]
        elif event["kind"] == "unfinished":
            making = " ".join(f"{event['stable']} {event['text']}".split())
        yield "\n".join(filter(None, [*list(lines.values())[-2:], making]))


class Page(BaseHTTPRequestHandler):
    """The page, and the captions for it as server-sent events."""

    def do_GET(self) -> None:
        events = self.path == "/events"
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if events else "text/html")
        self.end_headers()
        self.wfile.write(b"" if events else PAGE)
        shown = None
        while events:
            with changed:
                while caption == shown:
                    changed.wait()
                shown = caption
            self.wfile.write(f"data: {json.dumps(shown)}\n\n".encode())


def on_page(port: int) -> None:
    """Serves the page, and shows the captions there."""
    global caption
    server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for text in captions(sys.stdin):
        with changed:
            caption = text
            changed.notify_all()


def in_source(name: str) -> None:
    """Shows the captions in a text source; in OBS: *Tools*, *WebSocket Server Settings*."""
    from obsws_python import ReqClient

    port, password = int(os.environ.get("OBS_PORT", "4455")), os.environ.get("OBS_PASSWORD", "")
    with ReqClient(port=port, password=password, timeout=30) as obs:
        for text in captions(sys.stdin):
            obs.set_input_settings(name, {"text": text}, True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows captions in OBS.")
    parser.add_argument("--port", type=int, default=8091, help="of the page; default: 8091")
    parser.add_argument("--text", metavar="SOURCE", help="write into this text source instead")
    options = parser.parse_args()
    with suppress(KeyboardInterrupt):
        in_source(options.text) if options.text else on_page(options.port)


if __name__ == "__main__":
    main()
