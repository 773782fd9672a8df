"""`hushd workers yield`: workers leave memory to another program, and keep away for a while, or until it has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hushd_protocol import JsonObject
from hushd_protocol.errors import UNANSWERED, HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd_schema.controls import Yielded

NOT_FOUND, NOT_RUN = 127, 126  # exit codes, as of env and nice


def main(prog: str, argv: Sequence[str]) -> int:
    arguments = make_parser(prog).parse(argv, "program")
    if arguments.program and arguments.json:
        raise HushdError("bad_request", "--json is without PROGRAM, whose output is its own: leave out one of them.")
    if arguments.program:
        return _become(arguments)
    yield_memory(arguments)
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Free memory for another program. Idle workers end at once. PROGRAM is run: workers keep away until it has "
        "ended, and the exit status is its own.",
    )
    parser.add_argument("program", nargs="*", metavar="PROGRAM", help="a program with its arguments, after --")
    parser.add_argument(
        "--vram",
        metavar="SIZE",
        help="the memory of graphics cards to free, such as 12G or 11GiB; default: all that workers hold, or with "
        "--ram none",
    )
    parser.add_argument("--ram", metavar="SIZE", help="the memory of this machine to free; default: none")
    parser.add_argument("--card", metavar="NUMBER", help="the card's number, or its bus address; default: every card")
    parser.add_argument(
        "--for",
        dest="keep_away",
        default="60s",
        metavar="TIME",
        help="how long workers keep away without PROGRAM: 90s, 10m; 0 ends an earlier yield; default: %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def yield_memory(arguments: Namespace) -> None:
    """Prints the result in one line.

    Raises:
        HushdError: `server_busy` if less than requested is free.
    """
    from hushd.client import Client
    from hushd.yield_options import yield_fields
    from hushd_schema.controls import Yielded

    fields = yield_fields(arguments.vram, arguments.card, arguments.keep_away, arguments.ram)
    try:
        with Client(holder="cli", start=False) as client:
            result = Yielded.from_data(client.control("yield", **fields))
    except HushdError as error:
        if error.code not in UNANSWERED:
            raise
        # Without a supervisor there is no worker.
        result = Yielded(cards=(), unloaded=(), busy={}, for_s=fields["for_s"])
    console.write((json.dumps(result.data()) if arguments.json else result.sentence()) + "\n")
    if short := _short(result, arguments, fields):
        raise HushdError("server_busy", short)


def _short(result: Yielded, arguments: Namespace, fields: JsonObject) -> str:
    """Returns a sentence about memory that is not free; empty where all is."""
    cards = ", ".join(card.device for card in result.short_of(fields["vram"]))
    lacking = [f"{arguments.vram} is free on {cards}"] if cards else []
    if result.ram and result.ram.free_mb * 1e6 < fields["ram"] - 1e5:
        lacking.append(f"{arguments.ram} of this machine's memory is free")
    why = "busy workers leave later" if result.busy else "other programs hold the rest"
    return f"Less than {' and less than '.join(lacking)}: {why}." if lacking else ""


def _become(arguments: Namespace) -> int:
    """Becomes the program, as `env` and `nice` do, while a process beside it has workers keep away.

    So its exit status, its signals and its place on the terminal are its own. Returns only where it cannot be run.
    """
    from hushd.yield_options import yield_fields
    from hushd_schema.controls import Yielded

    fields = yield_fields(arguments.vram, arguments.card, arguments.keep_away, arguments.ram, hold=True)
    answer = _held(fields)
    if "message" in answer:
        raise HushdError(answer["code"], answer["message"])
    if "answer" in answer and (short := _short(Yielded.from_data(answer["answer"]), arguments, fields)):
        console.complain(short)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(arguments.program[0], arguments.program)
    except OSError as error:
        console.complain(f"{arguments.program[0]} cannot be run: {error.strerror}.")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN


def _held(fields: JsonObject) -> JsonObject:
    """Starts the process that holds the memory; returns what it prints, once workers have left."""
    module = "hushd_cli.commands.workers.holder"
    command = [sys.executable, "-P", "-m", module, str(os.getpid()), json.dumps(fields)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, start_new_session=True, text=True
    ) as holder:
        assert holder.stdout is not None
        line = holder.stdout.readline()
    answer: JsonObject = json.loads(line or "{}")
    return answer
