"""A process that dictates, at once or while a key is held, controlled by threads and signals."""

from __future__ import annotations

import os
import queue
import signal
import threading
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from hushd.audio import devices
from hushd.client import Client
from hushd.transport.waiting import join, next_item
from hushd_cli.terminal import console
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import paths
from hushd_schema import pronunciations

from hushd_desktop.dictation import outputs
from hushd_desktop.dictation.dictation import Dictation
from hushd_desktop.dictation.outputs import Output
from hushd_desktop.dictation.vocabulary import Vocabulary, read

TYPED = ("auto", "type", "paste")  # outputs that end with a space
Action = Literal["press", "release", "toggle", "stop", "leave"] | HushdError | None


class GlobalKey(Protocol):
    """A key that the desktop reports, whichever window has the focus."""

    def wait(self) -> None:
        """Calls back until `stop`. Raises HushdError if the desktop has gone."""

    def stop(self) -> None:
        """Ends `wait`."""


class Dictations:
    """Starts and ends dictations; at most one records at a time."""

    def __init__(self, client: Client, options: Namespace, on_end: Callable[[HushdError | None], None]) -> None:
        self._client = client
        self._vocabulary = vocabulary(options)
        self._output = output(options)
        self._settings = settings(options)
        self._options = options
        self._on_end = on_end
        self._last: Dictation | None = None
        self.recording = False

    def begin(self) -> None:
        """Starts a dictation, unless one is recording. Raises `no_device` when there is no microphone."""
        if not self.recording:
            self._last = Dictation(
                self._client,
                self._output,
                self._vocabulary,
                duck=self._options.duck,
                previous=self._last,
                on_end=self._on_end,
                **self._settings,
            )
            self.recording = True

    def end(self) -> None:
        """Ends the recording dictation."""
        if self.recording and self._last is not None:
            self._last.end()
            self.recording = False

    def close(self) -> None:
        """Ends all dictations after their last word."""
        self.end()
        if self._last is not None:
            self._last.wait()
        self._output.close()


def dictate(options: Namespace) -> int:
    """Dictates until Ctrl-C, a signal from another `hushd dictate`, or an error."""
    actions: queue.SimpleQueue[Action] = queue.SimpleQueue()
    _take_signals(actions)
    with Client(holder="dictate") as client:
        dictations = Dictations(client, options, actions.put)
        dictations.begin()
        console.note("Dictating: Ctrl-C ends.")
        action = next_item(actions)
        dictations.close()
        while action is not None and not isinstance(action, HushdError):
            action = next_item(actions)  # the reason of the end
    if action is not None:
        raise action
    return 0


def wait_for_key(options: Namespace) -> int:
    """Dictates by a key until Ctrl-C. An error of one dictation does not end it."""
    actions: queue.SimpleQueue[Action] = queue.SimpleQueue()
    _take_signals(actions)
    devices.load_ahead()  # the microphone then opens at once
    with Client(holder="dictate") as client:
        dictations = Dictations(client, options, _complain)
        key = _key(options, actions)
        failures: list[HushdError] = []
        watching = threading.Thread(target=_watch, args=(key, actions, failures), name="hushd-key", daemon=True)
        watching.start()
        console.note(f"Waiting for {options.key}: Ctrl-C ends.")
        while (action := next_item(actions)) != "leave":
            _act(dictations, action)
        key.stop()
        dictations.close()
        join(watching)
    if failures:
        raise failures[0]
    return 0


def _key(options: Namespace, actions: queue.SimpleQueue[Action]) -> GlobalKey:
    """Watches the key by this desktop's means: a Wayland portal, or X11."""
    press = partial(actions.put, "toggle" if options.toggle else "press")
    release: Callable[[], None] = (lambda: None) if options.toggle else partial(actions.put, "release")
    if os.environ.get("WAYLAND_DISPLAY"):
        from hushd_desktop.dictation import portal  # noqa: PLC0415 - needs jeepney

        return portal.GlobalKey(options.key, press, release)
    if not os.environ.get("DISPLAY"):
        raise HushdError("no_device", "There is no desktop here whose keys a program can use: DISPLAY is not set.")
    from hushd_desktop.dictation import x11  # noqa: PLC0415 - needs python-xlib, which macOS lacks

    return x11.GlobalKey(options.key, press, release)


def _act(dictations: Dictations, action: Action) -> None:
    begins = not dictations.recording if action == "toggle" else action == "press"
    try:
        dictations.begin() if begins else dictations.end()
    except HushdError as error:
        console.complain(error.message)


def _complain(error: HushdError | None) -> None:
    if error is not None:
        console.complain(error.message)


def _watch(key: GlobalKey, actions: queue.SimpleQueue[Action], failures: list[HushdError]) -> None:
    try:
        key.wait()
    except HushdError as error:
        failures.append(error)
        actions.put("leave")


def _take_signals(actions: queue.SimpleQueue[Action]) -> None:
    """Turns signals into actions: SIGUSR1 starts or ends a dictation, SIGUSR2 and Ctrl-C end it."""
    actions_of: tuple[tuple[int, Action], ...] = (
        (signal.SIGUSR1, "toggle"),
        (signal.SIGUSR2, "stop"),
        (signal.SIGINT, "leave"),
        (signal.SIGTERM, "leave"),
    )
    for number, action in actions_of:
        signal.signal(number, partial(_put, actions, action, signal.getsignal(number)))


def _put(actions: queue.SimpleQueue[Action], action: Action, before: Any, number: int, _: object) -> None:
    if action == "leave":
        signal.signal(number, before)  # a second signal does not wait for the last word
    actions.put(action)


def output(options: Namespace) -> Output:
    """Returns the options' output, behind the program that changes the text."""
    place = _place(options)
    return outputs.Through(options.through, place, console.complain) if options.through else place


def _place(options: Namespace) -> Output:
    if options.output == "print":
        return outputs.Printing(console.write)
    if options.output == "clipboard":
        return outputs.Clipboard()
    if options.output == "paste":
        return outputs.Pasting(outputs.typist())
    try:
        return outputs.Typing(outputs.typist())
    except HushdError as error:
        if options.output == "type":
            raise
        clipboard = outputs.Clipboard()
        console.complain(f"{error.message} The text goes to the clipboard.")
        return clipboard


def vocabulary(options: Namespace) -> Vocabulary:
    """Returns the vocabulary of the options' file, or of names.txt if it exists, and of pronunciations.txt. Raises
    `input_unreadable`, or `bad_request` for a line without words."""
    english = not options.language or options.language.lower()[:2] == "en"
    path = Path(options.names) if options.names else paths.find().config.parent / "names.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        if options.names:
            raise HushdError("input_unreadable", f"{options.names!r} is not there.") from error
        lines = []
    except (OSError, UnicodeDecodeError) as error:
        raise HushdError("input_unreadable", f"{str(path)!r} cannot be read ({reason(error)}).") from error
    own = pronunciations.read(paths.find().pronunciations)
    return read(lines, path.name, english, own.table(options.language or "en"))


def settings(options: Namespace) -> dict[str, Any]:
    """Returns the arguments of each `Dictation`."""
    names = ("engine", "model", "keep_alive", "language")
    arguments = {name: getattr(options, name) for name in names}
    return {
        "listening": {name: value for name, value in arguments.items() if value is not None},
        "device": options.device,
        "ending": options.end if options.end is not None else " " if options.output in TYPED else "",
    }
