"""The process that asks neighbours, in the simulation: it reads questions, and answers as the world's neighbours do."""

from __future__ import annotations

import json
import os
import time
from typing import Any

world: Any = None  # the simulated neighbours


def main(arguments: list[str]) -> None:
    unread, names = b"", None
    while piece := os.read(0, 65536):
        *lines, unread = (unread + piece).split(b"\n")
        for line in lines:
            question = json.loads(line)
            if names is None:
                names = [row["name"] for row in question["neighbours"]]
            else:
                _answer(question, names)


def _answer(question: dict[str, Any], names: list[str]) -> None:
    do, name = question["do"], question.get("neighbour", "")
    way = world.way(do)
    time.sleep(6.0 if way == "late" else 0.05)
    if way == "hangs":
        time.sleep(3600.0)
    elif way == "dies":
        os._exit(1)
    elif way == "nonsense":
        _write(b'\xff{\n3\n{"neighbour": []}\n{"looked": 1}\n')
    elif way == "floods":
        for _ in range(200):
            _write(b"[" * 65536)
    if do == "look":
        for each in names:
            _say({"neighbour": each, "holds": world.holds(each)})
        _say({"looked": True})
    elif way == "fails":
        _say({"neighbour": name, "model": "m", "failed": "It answered 500."})
    elif do == "give":
        world.give(name, way)
        wake = {"neighbour": name, "model": "m", "by": "wake_up"} if name in world.asleep else None
        _say({"neighbour": name, "model": "m", "gave": True, "wake": wake})
    else:
        world.wake(name)
        _say({"neighbour": name, "model": "m", "woken": True})


def _say(answer: dict[str, Any]) -> None:
    _write(json.dumps(answer).encode() + b"\n")


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
