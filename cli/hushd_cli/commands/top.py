"""`hushd top`: the status, live on a terminal, or once as a plain table."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from hushd.client import Client
from hushd.reports.status_table import table
from hushd_models.installation import extra_command
from hushd_protocol.errors import UNANSWERED, HushdError
from msgspec import Meta

from hushd_cli.arguments import Parser, value
from hushd_cli.terminal import console

if TYPE_CHECKING:
    from hushd_schema.status import Status
    from rich.live import Live

PERIOD_S = 2.0
Keys = Callable[[float], bytes | None]  # returns the key pressed within so many seconds; None: the terminal is gone


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
    parser = Parser(
        prog,
        "Show live what runs: workers with their memory, queues and latency (median and 95th percentile of the time to "
        "the first output of the last 32 requests), and the programs that speak or listen. `q` or Ctrl-C ends it. "
        "NO_COLOR=1 leaves the colours out; into a pipe it prints one plain table.",
    )
    parser.add_argument(
        "--period",
        type=value(Annotated[float, Meta(ge=0.2, le=3600)]),
        default=PERIOD_S,
        metavar="SECONDS",
        help="the time between two updates; default: 2",
    )
    return parser


def _show(client: Client, period: float) -> None:
    """Draws the status each `period` seconds, until the user ends it. Raises `engine_missing` without rich."""
    try:
        from .top_frame import frame, live_screen  # noqa: PLC0415 - needs rich
    except ModuleNotFoundError as error:
        raise HushdError("engine_missing", f"`hushd top` needs the package rich: {extra_command('top')}.") from error
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    with live_screen() as live, _keyboard(live) as keys:
        while True:
            due = time.monotonic() + period
            status = _status(client)
            live.update(frame(status, live.console), refresh=True)
            while (rest := due - time.monotonic()) > 0:
                pressed = keys(rest)
                if pressed is None or {*pressed} & {*b"qQ"}:
                    return
                live.update(frame(status, live.console), refresh=True)  # it may have another size


def _status(client: Client) -> Status | None:
    """Returns the status; None while no supervisor runs."""
    try:
        return client.status()
    except HushdError as error:
        if error.code not in UNANSWERED:
            raise
        return None


@contextmanager
def _keyboard(live: Live) -> Iterator[Keys]:
    """Yields a function that waits some seconds for keys, or for another size of the terminal.
    Keys come without Enter meanwhile, and Ctrl-Z leaves the terminal to the shell until `fg`."""
    if not os.isatty(0):
        yield _no_keys
        return
    before = termios.tcgetattr(0)
    read, write = os.pipe()
    os.set_blocking(write, False)

    stops: list[int] = []  # Ctrl-Z that waits: in the handler itself a frame may be half written

    def suspend() -> None:
        live.stop()
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.kill(os.getpid(), signal.SIGSTOP)
        tty.setcbreak(0)
        live.start()

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
