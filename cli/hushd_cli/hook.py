"""The first half of `hushd agents hook`: takes the event from the agent and lets the agent go on.

An agent waits for its hooks. So the process that it started only reads the event, and ends; a child in a session of its
own, without any descriptor of the agent's, does the rest. Nothing is imported here that takes time: this half needs
little more than Python's own start.
"""

from __future__ import annotations

import os
import select
import sys
import time

MAX_EVENT_BYTES = 8 << 20  # bytes of an event; an answer of 8 MB is not for ears
INPUT_TIMEOUT_S = 2.0  # seconds for an agent that neither ends its input nor sends more of it
_INPUT_BLOCK_BYTES = 1 << 16
_DESCRIPTORS = 256  # descriptors of the agent's that may have been passed on by mistake


def is_event(words: list[str]) -> bool:
    """Returns whether an agent wrote the words behind the command: none, and the event on standard input, or JSON."""
    if len(words) > 1:
        return False
    return words[0].startswith("{") if words else not _is_terminal()


def receive(words: list[str]) -> bytes:
    """Reads the event; returns it in a child of this process, which ends here with success, whatever happened.

    Any other exit status would be a word to the agent: Claude Code goes on working where a hook of `Stop` ends with 2.
    """
    try:
        event = os.fsencode(words[0]) if words else _read()
        if event and not os.fork():  # nothing has started a thread yet
            _let_go()
            return event
    except OSError:
        pass  # no more processes, or no standard input
    os._exit(0)


def _is_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False


def _read() -> bytes:
    """Reads standard input to its end; returns nothing if that takes too long or is too much."""
    blocks: list[bytes] = []
    size = 0
    until = time.monotonic() + INPUT_TIMEOUT_S
    while size <= MAX_EVENT_BYTES and select.select([0], [], [], max(0.0, until - time.monotonic()))[0]:
        block = os.read(0, _INPUT_BLOCK_BYTES)
        if not block:
            return b"".join(blocks)
        blocks.append(block)
        size += len(block)
        until = time.monotonic() + INPUT_TIMEOUT_S
    return b"".join(blocks) if size <= MAX_EVENT_BYTES else b""


def _let_go() -> None:
    """Closes the descriptors that the agent waits for: a hook counts as running while any process holds its output."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.closerange(3, _DESCRIPTORS)
    sys.argv[1:] = []
