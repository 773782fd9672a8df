"""Searches the usual ports of this machine for servers that are not configured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from queue import Empty, Queue
from threading import Thread
from typing import NamedTuple

from .holding import Failed
from .kinds import KINDS
from .server import Server

HERE = "127.0.0.1"
LOOK_S = 2.0  # for all ports together; a server on this machine answers in milliseconds
_OURS = b"hushd_uptime_seconds "  # one of hushd's own metrics


class Found(NamedTuple):
    """A server that answers like its kind."""

    kind: str
    url: str


def servers(ends: float, ports: Mapping[int, tuple[str, ...]] | None = None) -> list[Found]:
    """Returns the servers at `ports`, each with its possible kinds, by default the usual ports; hushd itself does not
    count.

    A port gets the request of one kind after another, until it answers like that kind.
    """
    asked = usual_ports() if ports is None else ports
    answers: Queue[Found | None] = Queue()
    for port, kinds in asked.items():
        Thread(target=lambda port=port, kinds=kinds: answers.put(_at(port, kinds, ends)), daemon=True).start()
    servers = []
    for _ in asked:
        try:
            servers.append(answers.get(timeout=max(0.0, ends - time.monotonic())))
        except Empty:
            break
    return sorted(filter(None, servers))


def usual_ports() -> dict[int, tuple[str, ...]]:
    """Returns the kinds of servers that usually answer at each port, in the order of trial."""
    ports = sorted({port for kind in KINDS.values() for port in kind.ports})
    return {port: tuple(name for name, kind in KINDS.items() if port in kind.ports) for port in ports}


def named(servers: Iterable[Found], taken: Iterable[str]) -> dict[str, Found]:
    """Returns the servers by unused names, made from their kinds."""
    names = {*taken}
    given: dict[str, Found] = {}
    for server in servers:
        each = (f"{server.kind}-{number}" if number > 1 else server.kind for number in range(1, len(names) + 2))
        name = next(name for name in each if name not in names)
        names.add(name)
        given[name] = server
    return given


def _at(port: int, kinds: Iterable[str], ends: float) -> Found | None:
    url = f"http://{HERE}:{port}"
    try:
        _, figures = Server(url, "", ends).call("GET", "/metrics")
    except Failed:
        figures = b""
    if _OURS in figures:
        return None
    for kind in kinds:
        try:
            KINDS[kind].look(Server(url, "", ends))
        except Failed:
            continue
        return Found(kind, url)
    return None
