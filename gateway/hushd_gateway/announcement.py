"""`hushd serve --zeroconf`: announces Wyoming's addresses on the local network, so that Home Assistant finds them.

Runs in a process beside the supervisor, which has no room for mDNS: it announces once the addresses answer, and
withdraws the announcement when the supervisor has ended.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.machinery import PathFinder
from typing import NoReturn

from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.settings import access, load
from hushd_schema.settings.access import Address

TYPE = "_wyoming._tcp.local."
LOOK_S = 0.2  # between two tries whether an address answers
_ANYWHERE = ("", "0.0.0.0", "::")
_MDNS = ("224.0.0.251", 1)  # nothing is sent: the route to it shows the address by which other machines reach this one


def main(arguments: Sequence[str]) -> int:
    """`ADDRESS... -- ARGUMENTS`: announces, and becomes the supervisor with these arguments; returns on errors only."""
    split = list(arguments).index("--")
    try:
        addresses = _announceable(arguments[:split])
    except HushdError as error:
        print(f"hushd serve: {error}", file=sys.stderr)
        return error.exit_code
    run_beside(partial(_announce, addresses), ["hushd_supervisor", *arguments[split + 1 :]])


def _announce(addresses: Sequence[Address], lifeline: int) -> None:
    try:
        announce(addresses, lifeline)
    except OSError as error:
        print(f"hushd serve: announces nothing, since there is no network ({error.strerror}).", file=sys.stderr)


def announce(addresses: Sequence[Address], lifeline: int) -> None:
    """Announces each address once it answers, until the end of `lifeline`."""
    for each in addresses:
        while not _answers(each):
            if ended(lifeline, LOOK_S):
                return
    from zeroconf import ServiceInfo, Zeroconf

    hosts = {each: _reachable(each.host) for each in addresses}
    with Zeroconf(interfaces=sorted(set(hosts.values()))) as zeroconf:
        for each, host in hosts.items():
            name = f"hushd {socket.gethostname()[:40]} {each.port}"
            zeroconf.register_service(
                ServiceInfo(TYPE, f"{name}.{TYPE}", addresses=[socket.inet_aton(host)], port=each.port),
                allow_name_change=True,  # another container may have the same host name
            )
        ended(lifeline, None)


def _announceable(texts: Sequence[str]) -> list[Address]:
    """Returns Wyoming's addresses that have a port and an IPv4 address; the configuration's if `texts` is empty.

    Raises:
        HushdError: `bad_request` when there are none; `engine_missing` without the package.
    """
    if not PathFinder.find_spec("zeroconf"):
        raise HushdError(
            "engine_missing", "--zeroconf needs a package that is not installed: run pip install 'hushd[zeroconf]'."
        )
    addresses = [access.parse("wyoming", text) for text in texts or load(find().config).wyoming.listen]
    addresses = [each for each in addresses if each.port and (each.host in _ANYWHERE or ":" not in each.host)]
    if not addresses:
        raise HushdError(
            "bad_request",
            "--zeroconf needs an IPv4 address with a port to announce, such as --wyoming tcp://0.0.0.0:10300.",
        )
    return addresses


def _reachable(host: str) -> str:
    """Returns the IPv4 address by which other machines reach `host`; for 0.0.0.0, that of the outgoing route."""
    if host not in _ANYWHERE:
        return socket.gethostbyname(host)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(_MDNS)
        return str(probe.getsockname()[0])


def _answers(each: Address) -> bool:
    host = "127.0.0.1" if each.host in _ANYWHERE else each.host
    try:
        socket.create_connection((host, each.port), timeout=LOOK_S).close()
    except OSError:
        return False
    return True


def run_beside(work: Callable[[int], None], become: Sequence[str]) -> NoReturn:
    """Runs `work` in a process of its own, and replaces this one by `python -m` with the arguments `become`.

    Args:
        work: called with a lifeline, see `ended`; Ctrl-C does not reach it, only the end of what this process becomes.
    """
    lifeline, supervisors_end = os.pipe()
    os.set_inheritable(supervisors_end, True)  # closed when the supervisor ends, for whatever reason
    child = os.fork()
    if child == 0:
        os.close(supervisors_end)
        _leave_family()
        work(lifeline)
        os._exit(0)
    os.close(lifeline)
    os.waitpid(child, 0)
    os.execv(sys.executable, [sys.executable, "-P", "-m", *become])


def ended(lifeline: int, patience_s: float | None) -> bool:
    """Returns whether the supervisor has ended, or ends within `patience_s` seconds; None: waits for its end."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    return bool(poll.poll(None if patience_s is None else patience_s * 1000))


def _leave_family() -> None:
    """Detaches this process from its parent and the terminal: Ctrl-C ends the supervisor, which ends this process."""
    os.setsid()
    if os.fork():
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
