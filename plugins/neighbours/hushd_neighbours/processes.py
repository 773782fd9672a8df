"""Finds a server's processes on this machine, and their memory, by the kernel and the drivers of cards.

A user can only see the sockets of their own processes, but all users' command lines and resident memory. If a server
belongs to another user, its process is therefore the one whose command line names the port.
"""

from __future__ import annotations

import os

from hushd_protocol.system.footprint import descendants

_LISTENS, _TIME_WAIT = "0A", "06"
REMEMBERED_S = 60.0  # for which Linux remembers an ended connection
_TICKS = 100  # per second, in /proc/net/tcp
_UNIT = 1024
_PRIVATE = ("RssAnon:", "RssShmem:")  # not pages of mapped files, which the kernel can drop


def listener(port: int) -> str:
    """Returns the process that listens at `port` of this machine; empty if none can be found."""
    sockets = {f"socket:[{row[9]}]" for row in _connections(port) if row[3] == _LISTENS}
    if not sockets:
        return ""
    words = {str(port).encode()}
    named = ""
    for pid in _pids():
        if _owns(pid, sockets):
            return pid
        if not named and not words.isdisjoint(_command(pid)):
            named = pid
    return named


def idle_s(port: int) -> float | None:
    """Returns the seconds since the last connection to a port of this machine ended, at most `REMEMBERED_S`.

    It is 0 while one is open, and None if no process listens there. The kernel remembers ended connections for a
    minute.
    """
    rows = _connections(port)
    if not any(row[3] == _LISTENS for row in rows):
        return None
    ended = [row[5] for row in rows if row[3] == _TIME_WAIT]
    if any(row[3] not in (_LISTENS, _TIME_WAIT) for row in rows):
        return 0.0
    left = max((int(timer.partition(":")[2], 16) / _TICKS for timer in ended), default=0.0)
    return max(0.0, REMEMBERED_S - left)


def memory(pid: str) -> int:
    """Returns the bytes that the end of a process and its descendants would free."""
    return sum(map(_private, (pid, *descendants(pid))))


def on_cards(pid: str) -> dict[str, int]:
    """Returns the bytes that a process and its descendants hold on each card whose driver reports that: NVIDIA's."""
    from hushd_worker import card  # loads a driver, rarely needed

    driver = card.default()
    if driver is None:
        return {}
    ours = {int(each) for each in (pid, *descendants(pid))}
    held = {}
    for id in driver.ids():
        try:
            sizes = {} if driver.asleep(id) else driver.processes(id)
        except OSError:  # the card has fallen off the bus
            continue
        held[id] = sum(size for process, size in sizes.items() if process in ours)
    return {id: size for id, size in held.items() if size}


def _connections(port: int) -> list[list[str]]:
    """Returns the kernel's rows for the sockets at a port, of both ends, in this network namespace."""
    end = f":{port:04X}"
    rows = []
    for table in ("tcp", "tcp6"):
        try:
            with open(f"/proc/net/{table}", encoding="ascii") as file:
                rows += [line.split() for line in file if end in line]
        except OSError:  # not Linux
            pass
    return [row for row in rows if row[1].endswith(end) or (row[2].endswith(end) and row[3] != _LISTENS)]


def _pids() -> list[str]:
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _owns(pid: str, sockets: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        return any(os.readlink(f"{folder}/{name}") in sockets for name in os.listdir(folder))
    except OSError:  # another user's process, or it has just ended
        return False


def _command(pid: str) -> list[bytes]:
    """Returns the words of a command line, with `--port=N` split."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(1 << 16).replace(b"=", b"\0").replace(b":", b"\0").split(b"\0")
    except OSError:
        return []


def _private(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            rows = [line.split() for line in file if line.startswith(_PRIVATE)]
    except OSError:
        return 0
    return sum(int(row[1]) * _UNIT for row in rows)
