"""A program in the place of hushd_neighbours that misbehaves as its first argument says.

It answers from the file `holds` of the folder in the second argument, a JSON object of lists by neighbour; what it is
asked for it appends to the file `asked`, and what it gives it adds to the number in the file `available`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def main(mode: str, folder: Path) -> None:
    known = json.loads(sys.stdin.readline())
    if mode == "exits":
        return
    if mode == "hangs":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    if mode == "floods":
        while True:
            os.write(1, b'{"neighbour": "swap", "holds": []}\n' * 1000)
    if mode == "long line":
        while True:
            os.write(1, b"[" * 65536)
    for text in sys.stdin:
        request = json.loads(text)
        with open(folder / "asked", "a") as file:
            file.write(f"{json.dumps({key: request[key] for key in request if key in ('do', 'neighbour', 'model')})}\n")
        do: Callable[..., None] = {"look": look, "give": give, "wake": wake}[request["do"]]
        do(known, request, mode, folder)


def say(line: object) -> None:
    print(json.dumps(line), flush=True)


def look(known: Line, request: Line, mode: str, folder: Path) -> None:
    rows = json.loads((folder / "holds").read_text())
    if mode == "nonsense":
        for line in (
            3,
            [],
            {"neighbour": 3},
            {"neighbour": "nobody", "holds": []},
            {"neighbour": "ollama", "holds": 3},
        ):
            say(line)
        os.write(1, b"\xff{\n")
        say({"neighbour": "swap", "failed": 3})
    for neighbour in known["neighbours"]:
        if mode == "one is gone" and neighbour["name"] == "swap":
            say({"neighbour": "swap", "failed": "Nobody answers at http://127.0.0.1:8080."})
        else:
            say({"neighbour": neighbour["name"], "holds": rows.get(neighbour["name"], [])})
    if mode != "no end":
        say({"looked": True})


def give(known: Line, request: Line, mode: str, folder: Path) -> None:
    names = {"neighbour": request["neighbour"], "model": request["model"]}
    (kind,) = {row["kind"] for row in known["neighbours"] if row["name"] == request["neighbour"]}
    if mode == "refuses":
        say(names | {"failed": "The server answered 500."})
    elif mode == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode != "never gives":
        place = folder / "available"
        if mode != "lies":
            place.with_suffix(".new").write_text(str(int(place.read_text()) + request["ram"]))
            place.with_suffix(".new").replace(place)
        say(names | {"gave": True, "wake": names | {"by": "wake_up"} if kind == "vllm" else None})


def wake(known: Line, request: Line, mode: str, folder: Path) -> None:
    say({"neighbour": request["neighbour"], "model": request["model"], "woken": True})


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
