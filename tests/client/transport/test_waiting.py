"""A command's main thread waits in one place, which overlooks no signal."""

from __future__ import annotations

import ast
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast

import pytest
from hushd.audio.playback_buffer import PlaybackBuffer
from hushd.audio.recording import Chunks
from hushd.floor import Floor
from hushd.transport.spool import Spool
from hushd.transport.waiting import next_item, take_lock, wait_for, wait_until_set
from support.peer import wait_until

ROOT = Path(__file__).parents[3]
COMMANDS = ("client/hushd", "cli/hushd_cli", "plugins/desktop", "plugins/remote", "plugins/wake", "plugins/cluster")
WAITS = {"wait", "wait_for", "join", "acquire", "get"}
# Verbs of hushd's own, which wait in the one place themselves.
VERBS = {
    "self.wait", "self.get", "super().wait", "speech.wait", "buffer.wait", "self.call.get", "self._spool.get",
    "self._last.wait", "self._previous.wait", "key.wait",
}  # fmt: skip
HERE = "client/hushd/transport/waiting.py"
# Who waits by itself, and why that does not keep a command from its end.
OTHERS = {
    ("client/hushd/audio/playback_buffer.py", "fill"): "a thread of its own",
    ("client/hushd/transport/call.py", "send"): "the thread that uploads",
    ("plugins/desktop/hushd_desktop/captions/claim.py", "_run"): "a thread of its own",
    ("plugins/desktop/hushd_desktop/captions/pausable.py", "__next__"): "a thread of its own, for a chunk",
    ("plugins/desktop/hushd_desktop/ducking/holder.py", "_keep"): "a thread of its own",
    ("plugins/desktop/hushd_desktop/screen_reader/module.py", "_speak_all"): "a thread of its own",
    ("plugins/remote/hushd_remote/devices.py", "_feed"): "for a fraction of a second",
    ("plugins/remote/hushd_remote/endpoint.py", "_run"): "a thread of its own, for a process",
    ("plugins/remote/hushd_remote/program.py", "_run"): "a thread of its own",
    ("plugins/remote/hushd_remote/streams.py", "_samples"): "a thread of its own",
    ("plugins/remote/hushd_remote/streams.py", "_use"): "a thread of its own",
    ("plugins/remote/hushd_remote/tunnel.py", "close"): "a process that was told to end, or killed",
    ("plugins/cluster/hushd_cluster/claim.py", "go_on"): "a thread of its own",
    ("plugins/cluster/hushd_cluster/session.py", "_run_calls"): "a thread of its own",
    ("plugins/cluster/hushd_cluster/spread.py", "run"): "Ray's own wait, for a second",
}


def waits(path: Path) -> Iterator[tuple[str, int]]:
    """Yields the function and the line of each call that waits for a lock, a thread, a queue or a process."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, int]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Await):
                yield from walk(child.value, function)
                continue
            if isinstance(child, ast.Call) and isinstance(child.func, ast.Attribute) and child.func.attr in WAITS:
                is_of_words = child.args and child.func.attr in ("join", "get")  # a text's, a table's
                if not is_of_words and ast.unparse(child.func) not in VERBS:
                    yield function, child.lineno
            yield from walk(child, child.name if isinstance(child, ast.FunctionDef) else function)

    return walk(ast.parse(path.read_text()), "")


def test_a_command_waits_in_one_place() -> None:
    """A wait elsewhere is one that Ctrl-C may not end: `say` that waits for its turn stood for 6 s and more."""
    places = {
        (str(path.relative_to(ROOT)), function)
        for folder in COMMANDS
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts and str(path.relative_to(ROOT)) != HERE
        for function, _ in waits(path)
    }
    assert places - OTHERS.keys() == set(), "wait by hushd.transport.waiting"
    assert {each for each in OTHERS.keys() - places if (ROOT / each[0]).exists()} == set(), "they wait no longer"


def floor() -> Floor:
    return Floor(cast(Any, None), ["speaker"], "text")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("wait", [
    Spool().get, PlaybackBuffer(Exception, 16_000, 1).wait, Chunks().__next__, partial(next_item, SimpleQueue()),
    partial(floor()._wait_for, lambda: False), partial(wait_until_set, threading.Event()),
])  # fmt: skip
def test_a_signal_is_noticed_while_nothing_comes(wait: Callable[[], object]) -> None:
    """A signal may not interrupt the wait: another thread gets it here, and any may come just before the wait."""
    reader, begun = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        begun.wait()
        wait_until(lambda: sys._current_frames()[reader].f_code.co_name in ("wait", "next_item"), "a reader that waits")
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    begun.set()
    with pytest.raises(KeyboardInterrupt):
        wait()


@pytest.mark.parametrize("timeout", [0, -1.0, 0.01])
def test_a_wait_ends_in_time(timeout: float) -> None:
    """It looks once at least, and returns an item that is there."""
    lock, changed, event, items = threading.Lock(), threading.Condition(), threading.Event(), SimpleQueue[int]()
    with changed:
        assert not wait_for(changed, lambda: 0, timeout)
        assert wait_for(changed, lambda: 5, timeout) == 5
    assert not wait_until_set(event, timeout)
    assert [take_lock(lock, timeout), take_lock(lock, timeout)] == [True, False]
    with pytest.raises(Empty):
        next_item(items, timeout)
    items.put(1)
    assert next_item(items, timeout) == 1
