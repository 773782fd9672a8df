"""`python -m hushd_conformance ENGINE [MODEL]`: the suite as a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from hushd_protocol.errors import HushdError
from hushd_protocol.names import ENGINE_ROLES

from .case import EXCEPTED, FAILED, LEFT_OUT, PASSED, VERDICTS, Case, Outcome, chosen
from .player import outcomes, serve
from .roles import all_cases, role_of, trial_of
from .trial import Trial

LIMIT_S = 300.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays the cases; returns 1 if any has failed, 2 for an unknown engine or case."""
    options = _parser().parse_args(arguments)
    try:
        role = options.role or role_of(options.engine)
    except HushdError as error:
        print(error.message, file=sys.stderr)
        return 2
    trial = trial_of(role, options.engine, options.model, options.sound)
    if options.play is not None:
        names = set(options.k.split(","))
        serve(trial, [case for case in all_cases(role) if case.name in names], options.play)
        return 0
    cases = list(chosen(all_cases(role), options.k))
    if options.quick:
        cases = [case for case in cases if not case.costly]
    if not cases:
        print(f"No case has {options.k!r} in its name: --list shows them.", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{case.name:28} {case.claim}" for case in cases))
        return 0
    played = _played(trial, cases, options.limit, brief=options.brief)
    print((_brief if options.brief else _totals)(trial.name, played))
    return 1 if any(outcome.verdict == FAILED for outcome in played) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m hushd_conformance", description="Tries an engine.")
    parser.add_argument("engine", metavar="ENGINE")
    parser.add_argument("model", metavar="MODEL", nargs="?", default="default")
    parser.add_argument("-k", default="", metavar="WORDS", help="only cases with one of these, separated by commas")
    parser.add_argument("--list", action="store_true", help="list the cases without playing them")
    parser.add_argument("--quick", action="store_true", help="only cases that start no processes")
    parser.add_argument("--brief", action="store_true", help="print only the faults, one per line")
    parser.add_argument("--role", choices=ENGINE_ROLES, help="the role, for an engine that has both")
    parser.add_argument("--sound", metavar="WAV", help="a recording of speech or of the model's word: 16 kHz, mono")
    parser.add_argument("--limit", type=float, default=LIMIT_S, metavar="SECONDS", help="limit of a case; default: 300")
    parser.add_argument("--play", type=int, help=argparse.SUPPRESS)
    return parser


def _played(trial: Trial, cases: Sequence[Case[Any]], limit_s: float, *, brief: bool) -> list[Outcome]:
    """Plays the cases; shows the progress and, unless `brief`, a line for each case."""
    tty, count = sys.stderr.isatty(), len(cases)
    played: list[Outcome] = []

    def begins(name: str) -> None:
        if tty:
            print(f"\r\x1b[K{len(played) + 1}/{count} {name}", end="", file=sys.stderr, flush=True)

    for outcome in outcomes(trial, cases, limit_s, begins):
        played.append(outcome)
        if tty:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if not brief:
            words = "; ".join(outcome.words)[:600]
            print(f"{outcome.case:28} {outcome.verdict:9} {outcome.cpu_s:7.2f} s  {words}".rstrip(), flush=True)
    return played


def _brief(name: str, played: Sequence[Outcome]) -> str:
    faults = [f"{each.case}: {words}" for each in played if each.verdict == FAILED for words in each.words]
    return "\n".join(faults) or f"{name} keeps the contract."


def _totals(name: str, played: Sequence[Outcome]) -> str:
    totals = {verdict: sum(outcome.verdict == verdict for outcome in played) for verdict in VERDICTS}
    shown = [f"{totals[PASSED]} passed", f"{totals[FAILED]} failed"]
    shown += [f"{totals[verdict]} {verdict}" for verdict in (EXCEPTED, LEFT_OUT) if totals[verdict]]
    return f"{name}: {len(played)} cases, {', '.join(shown)}."


if __name__ == "__main__":
    sys.exit(main())
