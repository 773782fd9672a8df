"""`python -m hushd_conformance ENGINE [MODEL]`: the suite of engines as a command, without a network."""

from __future__ import annotations

import argparse
import faulthandler
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from hushd_protocol.light_dataclass import replace
from hushd_protocol.names import SPEECH_ROLES
from hushd_worker import confinement

from .case import chosen, report

TRIAL_TIMEOUT_S = 300.0
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto")


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the cases; returns 1 if any has failed, 2 if no case has such a name."""
    options = _parser().parse_args(arguments)
    role = importlib.import_module(f"hushd_conformance.{options.role}")
    cases = chosen(role.all_cases(), options.k)
    if not cases:
        print(f"No case has {options.k!r} in its name: --list shows them.", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{case.name:24} {case.claim}" for case in cases))
        return 0
    faulthandler.enable()
    sys.addaudithook(_no_network)
    if options.confined:
        _confine(options.role, options.engine, options.sound)
    trial = role.Trial(options.engine, options.model, options.sound)
    return 1 if report(cases, trial, options.limit) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m hushd_conformance", description="Tries an engine.")
    parser.add_argument("engine", metavar="ENGINE")
    parser.add_argument("model", metavar="MODEL", nargs="?", default="default")
    parser.add_argument("--role", choices=SPEECH_ROLES, default="stt", help="default: %(default)s")
    parser.add_argument("-k", default="", metavar="WORDS", help="only cases with one of these, separated by commas")
    parser.add_argument("--list", action="store_true", help="list the cases without playing them")
    parser.add_argument("--confined", action="store_true", help="play them in a process with the engine's share alone")
    parser.add_argument("--sound", type=Path, metavar="WAV", help="a recording of speech: 16 kHz, mono")
    parser.add_argument(
        "--limit", type=float, default=TRIAL_TIMEOUT_S, metavar="SECONDS", help="limit of a case; default: 300"
    )
    return parser


def _confine(role: str, engine: str, sound: Path | None) -> None:
    if share := confinement.of_engine(role, engine):
        readable = [*share.readable, *filter(None, [sound])]
        confined = confinement.Confinement(replace(share, readable=readable, before=None))
        confined.close_files()
        confined.close_calls()


def _no_network(event: str, arguments: tuple[object, ...]) -> None:
    if event in _NETWORK and not isinstance(arguments[-1], str | bytes):  # those are sockets of this machine
        where = arguments[0] if event == "socket.getaddrinfo" else arguments[-1]
        if isinstance(where, tuple) and where[0] == "127.0.0.1":
            return  # a server that the engine has started
        raise RuntimeError(f"the network was used: {where!r:.100}")


if __name__ == "__main__":
    sys.exit(main())
