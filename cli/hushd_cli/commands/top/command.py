"""`hushd top`: the status, live, with keys to start and stop workers and speech; or memory over time."""

from __future__ import annotations

import os
import threading
import time
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hushd.client import Client
from hushd.reports import memory_record as record
from hushd.reports.memory_window import RIVAL
from hushd_protocol import duration
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.kinds import number

from hushd_cli.arguments import Parser, value
from hushd_cli.command import refuse_elsewhere
from hushd_cli.terminal import console
from hushd_cli.terminal.chart import speaks_unicode

from . import frame
from .screen import Screen

PERIOD_S = 2.0
NOTE_S = 6.0  # for which a key's outcome is shown


def main(prog: str, argv: Sequence[str]) -> int:
    options = _parse(prog, argv)
    if options.history:
        from . import history

        history.show(options.since or history.SPAN_S, options.json)
        return 0
    if options.json:
        with Client(holder="cli", start=False) as client:
            console.write_json(client.status().data())
        return 0
    with Screen() as screen, Client(holder="cli", start=False) as watching, Client(holder="cli") as acting:
        try:
            Top(screen, watching, acting, options.period).run()
        except KeyboardInterrupt:  # a usual end
            pass
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Show live what runs: workers, memory over the last ten minutes beside a server that never unloads, queues, "
        "latency (median and 95th percentile of the time to the first output of the last 32 requests), and the "
        "programs that speak or listen. NO_COLOR=1 leaves the colours out.",
    )
    parser.epilog = f"Keys: {frame.KEYS.replace('  ', ', ')}."
    parser.add_argument(
        "--period",
        type=value(number(0.2, 3600)),
        default=PERIOD_S,
        metavar="SECONDS",
        help="the time between two updates; default: 2",
    )
    parser.add_argument(
        "--history",
        action="store_true",
        help=f"print the recorded memory over time instead, beside the memory of {RIVAL}",
    )
    parser.add_argument(
        "--since", type=_span, metavar="TIME", help="how far back the history goes: 30m, 8h; default: 1h"
    )
    parser.add_argument("--json", action="store_true", help="print the status, or the history, as JSON for programs")
    return parser


def _parse(prog: str, argv: Sequence[str]) -> Namespace:
    options = make_parser(prog).parse_args(argv)
    if options.since and not options.history:
        raise HushdError("bad_request", "--since is for --history: give that too.")
    if options.history:
        refuse_elsewhere(f"{prog} --history")
    return options


def _span(text: str) -> float:
    seconds = duration.parse(text)
    if seconds is None or seconds <= 0:
        raise ArgumentTypeError(f"must be a length of time such as 30m or 8h, not {text!r}")
    return seconds


class Top:
    """The loop: reads the status each `period`, draws a frame, and obeys the keys.

    Args:
        watching: asks for the status, and starts no supervisor.
        acting: carries out the keys, in threads of its own.
    """

    def __init__(self, screen: Screen, watching: Client, acting: Client, period: float) -> None:
        self._screen = screen
        self._watching = watching
        self._acting = acting
        self._period = period
        self._view = frame.View(fine=speaks_unicode())
        elsewhere = bool(os.environ.get("HUSHD_ENDPOINT"))  # the record is not read then
        self._entries = [] if elsewhere else record.read(paths.find().memory_record)
        self._due = 0.0  # the time of the next look
        self._note_until = 0.0
        self._leaving = False

    def run(self) -> None:
        """Runs until `q` is pressed."""
        while not self._leaving:
            if (now := time.monotonic()) >= self._due:
                self._look()
            if now >= self._note_until:
                self._view.note = ""
            self._screen.draw(frame.lines(self._view, *self._screen.size))
            if keys := self._screen.keys(self._due - time.monotonic()):
                self._look()  # a key acts on the present state
            for key in keys:
                self._press(key)

    def _look(self) -> None:
        """Reads the status, and adds its sizes as the newest moment."""
        self._due = time.monotonic() + self._period
        view, view.now = self._view, time.time()
        try:
            view.status = self._watching.status()
        except HushdError as error:
            view.status = None
            if error.code != "no_supervisor":
                self._say(error.message)
        oldest = view.now - frame.SPAN_S
        entries = record.until_now(self._entries, view.status, view.now)
        self._entries = record.since(entries, oldest)
        view.moments = record.moments(self._entries)
        names = [worker.name for worker in frame.workers(view)]
        if view.chosen not in names:
            view.chosen = names[0] if names else ""

    # --- keys --------------------------------------------------------------------------------------------------------

    def _press(self, key: str) -> None:
        if self._view.prompt is not None:
            self._type(key)
        elif key in ("q", "Q", "escape"):
            self._leaving = True
        elif key in ("up", "k", "down", "j"):
            self._choose(-1 if key in ("up", "k") else 1)
        elif key == "p":
            self._view.prompt = f"{_ASK}{self._view.chosen or 'stt'}"
        elif action := self._actions().get(key):
            self._act(*action)

    def _actions(self) -> Mapping[str, tuple[str, Callable[[], object]]]:
        """Returns the actions by their keys, each with a description."""
        view, client = self._view, self._watching
        if view.status is None:
            return {}
        paused = view.status.floor.paused
        actions: dict[str, tuple[str, Callable[[], object]]] = {
            "U": ("stop all workers", client.unload),
            "s": ("stop speaking", client.stop_speaking),
            " ": ("resume" if paused else "pause", client.resume if paused else client.pause),
        }
        if chosen := view.chosen:
            actions["u"] = (f"stop {chosen}", lambda: client.unload(chosen))
        return actions

    def _choose(self, step: int) -> None:
        names = [worker.name for worker in frame.workers(self._view)]
        if names:
            self._view.chosen = names[max(0, min(len(names) - 1, names.index(self._view.chosen) + step))]

    def _type(self, key: str) -> None:
        """Handles a key while the name of a worker is typed."""
        prompt = self._view.prompt or _ASK
        if key == "escape":
            self._view.prompt = None
        elif key == "enter":
            self._view.prompt = None
            if worker := prompt.removeprefix(_ASK).strip():
                self._act(f"start {worker}", lambda: self._acting.preload(worker))
        elif key == "erase":
            self._view.prompt = prompt[:-1] if len(prompt) > len(_ASK) else prompt
        elif len(key) == 1 and key.isprintable():
            self._view.prompt = prompt + key

    def _act(self, words: str, action: Callable[[], object]) -> None:
        """Runs an action in a thread, so that the frames go on, and notes its outcome."""

        def do() -> None:
            try:
                self._say(f"{words}: {_outcome(action())}")
            except HushdError as error:
                self._say(error.message)
            self._due = 0.0
            self._screen.wake()

        self._say(f"{words} ...")
        threading.Thread(target=do, daemon=True).start()

    def _say(self, note: str) -> None:
        self._view.note, self._note_until = note, time.monotonic() + NOTE_S


_ASK = "start (such as stt, tts/hibari or stt/moonshine/tiny-en): "


def _outcome(answer: Any) -> str:
    """Returns the description of an action's answer."""
    busy = getattr(answer, "busy", None)
    if busy:
        return f"{', '.join(busy)} will end after the jobs of other programs"
    return "done"
