"""`hushd top`: the status, live on a terminal, or once as a plain table."""

from __future__ import annotations

import os
import select
import signal
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hushd.client import Client
from hushd.reports.status_table import table
from hushd_protocol.errors import HushdError
from hushd_protocol.suggest import escaped
from hushd_schema.kinds import number

from hushd_cli.arguments import Parser, value
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd_schema.status import Status

PERIOD_S = 2.0
Keys = Callable[[float], bytes | None]  # what was pressed within so many seconds; None: the terminal is gone


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    with Client(holder="cli", start=False) as client:
        if os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb":
            try:
                _show(client, options.period)
            except KeyboardInterrupt:  # a usual end
                pass
        else:
            console.write(table(client.status(), console.width(), client.link.place))
    return 0


def make_parser(prog: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(
        prog,
        "Show live what runs: workers with their memory, queues and latency (median and 95th percentile of the time to "
        "the first output of the last 32 requests), and the programs that speak or listen. `q` or Ctrl-C ends it. "
        "Into a pipe it prints the table once.",
    )
    parser.add_argument(
        "--period",
        type=value(number(0.2, 3600)),
        default=PERIOD_S,
        metavar="SECONDS",
        help="the time between two updates; default: 2",
    )
    return parser


def _show(client: Client, period: float) -> None:
    """Draws the status each `period` seconds, until the user ends it."""
    screen = _Screen(client)
    with screen, _keyboard(screen) as keys:
        while True:
            due = time.monotonic() + period
            screen.status = _status(client)
            screen.draw()
            while (rest := due - time.monotonic()) > 0:
                pressed = keys(rest)
                if pressed is None or {*pressed} & {*b"qQ"}:
                    return
                screen.draw()  # it may have another size


class _Screen:
    """The terminal's other screen, with the table of `status`; None while no supervisor runs."""

    def __init__(self, client: Client) -> None:
        self._place = client.link.place
        self.status: Status | None = None

    def __enter__(self) -> None:
        console.write_bytes(b"\x1b[?1049h\x1b[?25l", raw=True)

    def __exit__(self, *_: object) -> None:
        console.write_bytes(b"\x1b[?25h\x1b[?1049l", raw=True)

    def draw(self) -> None:
        columns, rows = os.get_terminal_size(1)
        text = "No supervisor runs. The next `say` or `listen` starts one."
        if self.status:
            text = table(self.status, columns or console.NO_COLUMNS, self._place, wide=True)
        lines = [*text.splitlines(), "", "q quits"][: max(rows, 1)]
        drawn = "\x1b[K\r\n".join(escaped(line)[: columns or None] for line in lines)
        console.write_bytes(f"\x1b[H{drawn}\x1b[J".encode(errors="replace"), raw=True)


def _status(client: Client) -> Status | None:
    """Returns the status; None while no supervisor runs."""
    try:
        return client.status()
    except HushdError as error:
        if error.code not in ("no_supervisor", "supervisor_lost", "shutting_down"):
            raise
        return None


@contextmanager
def _keyboard(screen: _Screen) -> Iterator[Keys]:
    """Yields a function that waits some seconds for keys, or for another size of the terminal.

    Keys come without Enter meanwhile, and Ctrl-Z leaves the terminal to the shell until `fg`.
    """
    if not os.isatty(0):
        yield _no_keys
        return
    before = termios.tcgetattr(0)
    read, write = os.pipe()
    os.set_blocking(write, False)

    stops: list[int] = []  # Ctrl-Z that waits: in the handler itself a frame may be half written

    def suspend() -> None:
        screen.__exit__()
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.kill(os.getpid(), signal.SIGSTOP)
        tty.setcbreak(0)
        screen.__enter__()

    def keys(seconds: float) -> bytes | None:
        ready, _, _ = select.select([0, read], [], [], seconds)
        if read in ready:
            os.read(read, 64)
        if stops:
            stops.clear()
            suspend()
        return (os.read(0, 64) or None) if 0 in ready else b""

    tty.setcbreak(0)
    signal.signal(signal.SIGTSTP, lambda number, _: stops.append(number))
    signal.signal(signal.SIGWINCH, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield keys
    finally:
        signal.set_wakeup_fd(-1)
        termios.tcsetattr(0, termios.TCSADRAIN, before)


def _no_keys(seconds: float) -> bytes:
    time.sleep(seconds)
    return b""
