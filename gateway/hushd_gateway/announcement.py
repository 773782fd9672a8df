"""`hushd serve --zeroconf`: announces Wyoming's addresses on the local network, so that Home Assistant finds them.

Runs in a process beside the supervisor, which has no room for mDNS: it announces once the addresses answer, and
withdraws the announcement when the supervisor has ended.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from functools import partial
from importlib.machinery import PathFinder

from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.settings import access, load
from hushd_schema.settings.access import Address

from .beside import ended, run_beside

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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
