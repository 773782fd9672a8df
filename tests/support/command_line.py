"""The commands as processes: run to their end, or on a terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from support import warm


def command(*arguments: str | bytes) -> list[Any]:
    """A command line; the first word is the entry point."""
    return [sys.executable, "-P", "-c", f"from hushd_cli import entry; entry.{arguments[0]!s}()", *arguments[1:]]


def run(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[Any]:
    """Runs a command that reads nothing, unless an option says otherwise."""
    given = {} if "input" in options else {"stdin": subprocess.DEVNULL}
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    return warm.run(command(*arguments), **(given | pipes | options))


def start(*arguments: str | bytes, **options: Any) -> subprocess.Popen[Any]:
    """Starts one that reads nothing, whose output and complaint are pipes, unless an option says otherwise."""
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    return warm.Popen(command(*arguments), **({"stdin": subprocess.DEVNULL} | pipes | options))


def hushd(*words: str, status: int = 0, **environment: str) -> str:
    """Runs `hushd`; returns its output, or the complaint of one that is to end with another status."""
    done = run("hushd", *words, text=True, env=os.environ | environment)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout  # type: ignore[no-any-return]


def one_sentence(done: subprocess.CompletedProcess[bytes], who: str) -> str:
    """The complaint of a command: one line, with its name before it, and no traceback."""
    text = done.stderr.decode()
    assert text.startswith(f"{who}: "), text
    assert text.count("\n") == 1, text
    assert text.endswith((".\n", "?\n")), text
    return text


def on_terminal(words: Sequence[str], *streams: str) -> tuple[int, str]:
    """Runs a command whose streams are a terminal; returns its exit status and all that it drew there."""
    ours, theirs = pty.openpty()
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL) | dict.fromkeys(streams, theirs)
    process = warm.Popen(words, **pipes)
    os.close(theirs)
    drawn = b""
    with contextlib.suppress(OSError):  # Linux's word for a terminal that nobody has open
        while block := os.read(ours, 65536):
            drawn += block
    os.close(ours)
    return process.wait(60), drawn.decode()
