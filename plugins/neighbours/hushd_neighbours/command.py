"""`hushd neighbours`: shows other servers of this machine, the models that they hold, and which of them hushd may
request."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hushd.reports.display import Column, clock, laid_out
from hushd_cli.arguments import Parser
from hushd_cli.terminal import console
from hushd_cli.terminal.console import shown
from hushd_models.installation import document
from hushd_protocol import JsonObject
from hushd_protocol.suggest import readable
from hushd_protocol.system import paths
from hushd_schema import settings

from . import ask, give
from .holding import Holding, why_not
from .settings import NeighbourSettings

_SERVERS_TIMEOUT_S = 4.0


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    place = paths.find().config
    known = settings.load(place).plugins.get("neighbours", {})
    if options.command == "give":
        give.give(known, sys.stdin.buffer)
    elif known:
        _list(known, json_wanted=options.json)
    elif options.json:
        console.write_json([])
    else:
        console.write(f"No neighbours are configured: {document('CONFIGURATION.md')} has the settings.\n")
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "Show other AI servers of this machine, the models that they hold, and which of them hushd may ask for when a "
        f"start lacks memory; {document('CONFIGURATION.md')} has the settings, [neighbours.NAME].",
    )
    commands = parser.add_commands()
    listed = commands.add("list", "ask each configured server for its models; the default")
    listed.add_argument("--json", action="store_true", help="print JSON, for programs")
    commands.add("give", "ask idle servers for the memory that a start lacks; for `[memory] when_short`")
    return parser


class _Row(NamedTuple):
    """A line of the list: a model of a server, or a server that holds none."""

    name: str
    kind: str
    holding: Holding | None
    why_not: str


_COLUMNS: tuple[Column[_Row], ...] = (
    Column("NEIGHBOUR", lambda row: row.name, left=True),
    Column("KIND", lambda row: row.kind, left=True),
    Column("MODEL", lambda row: row.holding.model if row.holding else "-", left=True),
    Column("RAM", lambda row: readable(row.holding.ram) if row.holding and row.holding.ram else "-"),
    Column("CARDS", lambda row: _cards(row.holding.cards) if row.holding else "-", left=True),
    Column("IDLE", lambda row: _idle(row.holding) if row.holding else "-"),
    Column("MAY BE ASKED", lambda row: _asked(row) if row.holding else "-", left=True),
)


def _list(known: Mapping[str, NeighbourSettings], *, json_wanted: bool) -> None:
    """Prints the answers of all servers, in the order of the file."""
    answers = ask.looks(known, time.monotonic() + _SERVERS_TIMEOUT_S)
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, str)}
    rows = [
        row
        for name, answer in answers.items()
        if not isinstance(answer, str)
        for row in _rows(name, known[name], answer)
    ]
    if json_wanted:
        console.write_json([_data(name, each, rows, failed.get(name, "")) for name, each in known.items()])
        return
    if rows:
        console.write("".join(f"{shown(line, 1)}\n" for line in laid_out(_COLUMNS, rows, console.width())))
    for name, sentence in failed.items():
        console.complain(f"{name}: {sentence}")


def _rows(name: str, known: NeighbourSettings, holdings: Sequence[Holding]) -> Iterator[_Row]:
    for holding in holdings:
        yield _Row(name, known.kind, holding, why_not(holding, known.idle))
    if not holdings:
        yield _Row(name, known.kind, None, "")


def _data(name: str, known: NeighbourSettings, rows: Sequence[_Row], failed: str) -> JsonObject:
    """Returns a neighbour for programs."""
    holds = [
        row.holding._asdict() | {"may_be_asked": not row.why_not, "why_not": row.why_not}
        for row in rows
        if row.name == name and row.holding
    ]
    return {"name": name, "kind": known.kind, "url": known.url, "idle_s": known.idle, "holds": holds, "failed": failed}


def _cards(cards: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{readable(size) if size else '-'}{card and f' on {card}'}" for card, size in cards.items()) or "-"
    )


def _idle(holding: Holding) -> str:
    if holding.in_use:
        return "in use"
    return "-" if holding.idle_s is None else clock(holding.idle_s)


def _asked(row: _Row) -> str:
    return f"no: {row.why_not}" if row.why_not else "yes"
