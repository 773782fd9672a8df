"""`hushd doctor`: finds faults of which no command complains, and says how to repair them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from hushd.client import Client
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import Styled, escaped, plural

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

from . import engines, machine
from .finding import Finding

EXIT_BROKEN = 1
_COLOURS = {"ok": "32", "note": "36", "warning": "33", "broken": "31"}  # colours of the states, in SGR


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    console.silence_libraries()
    findings = []
    with Client(holder="cli", endpoint="") as client:  # this machine, whatever HUSHD_ENDPOINT says
        checks: dict[str, Callable[[], Iterable[Finding]]] = {
            "python": machine.python,
            "commands": machine.commands,
            "configuration": machine.configuration,
            "confinement": machine.confinement,
            "card": machine.graphics_cards,
            "folders": machine.folders,
            "languages": engines.languages,
            "service": machine.service,
            "supervisor": lambda: engines.supervisor(client),
        }
        if not options.no_engines:
            checks["engines"] = lambda: engines.speak_and_hear(client)
        for area, check in checks.items():
            for finding in _findings(check):
                findings.append({"area": area, **finding._asdict()})
                if not options.json:
                    _show(area, finding)
    counts = {state: sum(each["state"] == state for each in findings) for state in _COLOURS}
    if options.json:
        console.write_json({"findings": findings, "counts": counts})
    else:
        parts = [f"{counts['broken']} broken"] if counts["broken"] else []
        parts += [plural(counts["warning"], "warning")] if counts["warning"] else []
        end = f"{', '.join(parts)}; the rest works." if parts else "Everything that was looked at works."
        console.write(f"\n{end}\n")
    return EXIT_BROKEN if counts["broken"] else 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Find faults of which no command complains: another program named say, a mistake in the configuration, a card "
        "that is not used (none is woken), languages that nothing here speaks, an old service or supervisor; and have "
        "each engine speak or hear a sentence. Each finding comes with its remedy. The exit status is 1 when something "
        "is broken.",
    )
    parser.add_argument("--no-engines", action="store_true", help="skip the engines; the rest takes a second")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _findings(check: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
    """Yields the findings of a check; a check that fails is a finding too."""
    try:
        yield from check()
    except HushdError as error:
        yield Finding("broken", error.message, "hushd logs")
    except Exception as error:
        yield Finding("broken", f"the check itself failed ({type(error).__name__}: {error})", "report this as a bug")


def _show(area: str, finding: Finding) -> None:
    line = f"{finding.state:<8} {area}: {finding.text}"
    remedy = f"{'':8} -> {finding.remedy}\n" if finding.remedy else ""
    if os.isatty(1) and not os.environ.get("NO_COLOR"):
        word = f"\x1b[{_COLOURS[finding.state]}m{finding.state:<8}\x1b[0m"
        console.write(Styled(f"{word}{escaped(line[8:])}\n{escaped(remedy)}"))
    else:
        console.write(f"{line}\n{remedy}")
