"""`hushd agents hook install|uninstall`: adds the hooks to an agent's configuration, and removes them."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import atomic_file

from hushd_cli.terminal import console

from .agents import AGENTS, Agent


def install(agent: str, *, dry: bool) -> None:
    """Writes the hooks, replacing older ones; prints the difference.

    Args:
        dry: whether only to print it.

    Raises:
        HushdError: `input_unreadable`, `output_failed` or `unauthorised`, where the file is left as it is.
    """
    entry = AGENTS[agent]
    if _edit(entry, lambda text: entry.edited(text, command_line()), dry):
        console.note(entry.after)
    else:
        console.note(f"{entry.name} reads aloud already.")


def uninstall(agent: str, *, dry: bool) -> None:
    """Removes the hooks; prints the difference. Raises as `install` does."""
    entry = AGENTS[agent]
    if not _edit(entry, lambda text: entry.edited(text, ""), dry):
        console.note(f"{entry.name} has no hooks of hushd.")


def command_line() -> str:
    """Returns the hook's command line for a shell, with the path of the running hushd."""
    our_command = Path(sys.prefix) / "bin/hushd"
    first = shutil.which("hushd")
    if first and os.path.realpath(first) == os.path.realpath(our_command):
        return f"{shlex.quote(os.path.abspath(first))} agents hook"
    if our_command.exists():
        return f"{shlex.quote(str(our_command))} agents hook"
    return f"{shlex.quote(sys.executable)} -P -m hushd agents hook"


def _edit(agent: Agent, change: Callable[[str], str], dry: bool) -> bool:
    """Replaces the text, through a link; returns whether it has changed. A file that would be empty is removed."""
    home = Path(os.environ.get("HOME") or os.path.expanduser("~"))
    path = agent.file(os.environ, home)
    target = Path(os.path.realpath(path))
    text, mode = _read(target)
    try:
        changed = change(text)
    except ValueError as error:
        raise HushdError("input_unreadable", f"{path} is left as it is, since {error}: fix it first.") from error
    if changed == text:
        return False
    before, behind = (each.splitlines(keepends=True) for each in (text, changed))
    console.write("".join(difflib.unified_diff(before, behind, str(path), str(path))))
    if not dry:
        try:
            _write(target, changed, mode)
        except OSError as error:
            raise HushdError("output_failed", f"{path} cannot be written ({error.strerror}).") from error
    return True


def _read(path: Path) -> tuple[str, int | None]:
    """Returns text and mode of a file that its user may change; empty if there is no file."""
    try:
        with open(path, "rb", opener=_opener) as file:
            status = os.fstat(file.fileno())
            _check(path, status)
            return file.read().decode(), stat.S_IMODE(status.st_mode)
    except FileNotFoundError:
        return "", None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise HushdError("input_unreadable", f"{path} cannot be read ({reason}).") from error


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe is not waited for


def _check(path: Path, status: os.stat_result) -> None:
    """Refuses a file that is not its user's to change."""
    if not stat.S_ISREG(status.st_mode):
        fault = "is not a file"
    elif status.st_uid != os.geteuid():
        fault = "belongs to another user"
    elif not status.st_mode & stat.S_IWUSR:
        fault = "is write-protected"
    else:
        return
    raise HushdError("unauthorised", f"{path} {fault}, and is left as it is.")


def _write(path: Path, text: str, mode: int | None) -> None:
    if not text:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_file.replace(path, text, mode=mode)
