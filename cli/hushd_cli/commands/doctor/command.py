"""`hushd doctor`: checks everything that hushd needs, and says how to repair each fault."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

from hushd.client import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import Styled, escaped, plural

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from . import installation, machine
from .finding import Check, Finding, broken, of_error

EXIT_BROKEN = 1
_COLOURS = {"ok": "32", "note": "36", "warning": "33", "broken": "31"}  # colours of the states, in SGR
_CHECKS: tuple[tuple[str, Check], ...] = (
    ("python", installation.python),
    ("plugins", installation.plugins),
    ("extras", installation.extras),
    ("commands", installation.commands),
    ("memory", machine.memory),
    ("confinement", machine.confinement),
    ("card", machine.graphics_cards),
    ("sound", machine.sound),
    ("folders", installation.folders),
    ("configuration", installation.configuration),
    ("models", installation.models),
    ("languages", installation.languages),
    ("service", installation.service),
)


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    console.silence_libraries()
    findings = []
    with Client(holder="cli", endpoint="") as client:  # this machine, whatever HUSHD_ENDPOINT says
        running = machine.Running(client)
        checks = [*_CHECKS, ("supervisor", running.supervisor)]
        checks += [] if options.no_engines else [("engines", running.engines)]
        for area, check in checks:
            for finding in _findings(check):
                findings.append(replace(finding, area=area))
                if not options.json:
                    _show(findings[-1])
    counts = {state: sum(finding.state == state for finding in findings) for state in _COLOURS}
    if options.json:
        console.write_json({"findings": [asdict(finding) for finding in findings], "counts": counts})
    else:
        console.write(f"\n{_summary(counts)}\n")
    return EXIT_BROKEN if counts["broken"] else 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Check Python, extras, sound, folders, memory, confinement, models, service and graphics cards (without waking "
        "one), and have each engine speak or hear a sentence. Each finding comes with its remedy. The exit status is 1 "
        "when something is broken.",
    )
    parser.add_argument("--no-engines", action="store_true", help="skip the engines; the rest takes a second")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _findings(check: Check) -> Iterator[Finding]:
    """Yields the findings of a check; a check that fails is a finding too."""
    try:
        yield from check()
    except HushdError as error:
        yield of_error(error)
    except Exception as error:
        yield broken(f"the check itself failed ({type(error).__name__}: {error})", "report this as a bug")


def _show(finding: Finding) -> None:
    line = f"{finding.state:<8} {finding.area}: {finding.text}"
    remedy = f"{'':8} -> {finding.remedy}\n" if finding.remedy and finding.state != "ok" else ""
    if os.isatty(1) and not os.environ.get("NO_COLOR"):
        word = f"\x1b[{_COLOURS[finding.state]}m{finding.state:<8}\x1b[0m"
        console.write(Styled(f"{word}{escaped(line[8:])}\n{escaped(remedy)}"))
    else:
        console.write(f"{line}\n{remedy}")


def _summary(counts: dict[str, int]) -> str:
    parts = [f"{counts['broken']} broken"] if counts["broken"] else []
    parts += [plural(counts["warning"], "warning")] if counts["warning"] else []
    return f"{', '.join(parts)}; the rest works." if parts else "Everything that was looked at works."
