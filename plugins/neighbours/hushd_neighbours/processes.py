"""Finds a server's processes on this machine, and their memory, by the kernel and the drivers of cards.

A user can only see the sockets of their own processes, but all users' command lines and resident memory. If a server
belongs to another user, its process is therefore the one whose command line names the port.
"""

from __future__ import annotations

import re
from contextlib import suppress

import psutil

_LISTENS, _TIME_WAIT = "0A", "06"
REMEMBERED_S = 60.0  # for which Linux remembers an ended connection
_TICKS = 100  # per second, in /proc/net/tcp


def listener(port: int) -> int:
    """Returns the process that listens at `port` of this machine; 0 if none can be found."""
    try:
        found = [each for each in psutil.net_connections("tcp") if each.laddr and each.laddr.port == port]
    except psutil.Error:  # not Linux
        return 0
    pids = [each.pid for each in found if each.status == psutil.CONN_LISTEN]
    if not pids:
        return 0
    if pids[0]:
        return int(pids[0])
    for process in psutil.process_iter(["cmdline"]):
        if str(port) in (word for part in process.info["cmdline"] or () for word in re.split("[=:]", part)):
            return int(process.pid)
    return 0


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


def memory(pid: int) -> int:
    """Returns the bytes that the end of a process and its descendants would free."""
    held = 0
    for process in _family(pid):
        with suppress(psutil.Error):
            info = process.memory_info()
            held += info.rss - getattr(info, "shared", 0)  # pages of mapped files, which the kernel can drop
    return held


def on_cards(pid: int) -> dict[str, int]:
    """Returns the bytes that a process and its descendants hold on each card whose driver reports that: NVIDIA's."""
    from hushd_worker import card  # loads a driver, rarely needed

    driver = card.default()
    if driver is None:
        return {}
    ours = {process.pid for process in _family(pid)}
    held = {}
    for id in driver.ids():
        try:
            sizes = {} if driver.asleep(id) else driver.processes(id)
        except OSError:  # the card has fallen off the bus
            continue
        held[id] = sum(size for process, size in sizes.items() if process in ours)
    return {id: size for id, size in held.items() if size}


def _family(pid: int) -> list[psutil.Process]:
    """Returns a process and its descendants."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:  # it has just ended
        return []


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
