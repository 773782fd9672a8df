"""The way to the devices in use: this machine's, or another's that has attached itself."""

from __future__ import annotations

import os
from functools import lru_cache

from hushd_protocol.system import paths

from .attached import ENDPOINT, find_machine
from .link import Link


def floor_link(link: Link) -> Link:
    """The link to the machine whose floor concerns the programs that use `link`."""
    return link if link.attached else devices_link(link.holder) or own_link(link)


def own_link(link: Link) -> Link:
    """`link`, or, where that leads to a machine whose devices are not used, the one to this machine's supervisor."""
    return _link("", link.holder, os.getpid(), link.starts) if link.place and not link.attached else link


def devices_link(holder: str | None = None) -> Link | None:
    """The link to the machine whose devices are to be used; None where they are this one's.

    A process has one link of each holder, so that a claim and the speech that it is for take the same way.
    """
    path = find_machine(paths.find())
    return _link(f"{ENDPOINT}{path}", holder, os.getpid(), False) if path else None


@lru_cache(maxsize=8)
def _link(endpoint: str, holder: str | None, pid: int, starts: bool) -> Link:
    return Link(holder, start=starts, endpoint=endpoint)
