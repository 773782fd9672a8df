"""`hushd logs`: prints the end of the supervisor's log or a worker's."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_schema.kinds import NonNegativeInt

from hushd_cli.arguments import Parser, value
from hushd_cli.terminal import console

POLL_S = 0.25
LINE = 400  # bytes, generously, to know how far back to read


def main(prog: str, argv: Sequence[str]) -> int:
    options = make_parser(prog).parse_args(argv)
    show(options.what, options.lines, options.follow)
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(prog, "Show the end of a log.")
    parser.add_argument("what", nargs="?", metavar="WHAT", help="a worker; default: the supervisor")
    parser.add_argument("-n", "--lines", type=value(NonNegativeInt), default=50, help="how many; default: 50")
    parser.add_argument("-f", "--follow", action="store_true", help="print lines as they are added")
    return parser


def show(what: str | None, lines: int, follow: bool) -> None:
    """Prints the last `lines` lines of the log of `what`; with `follow`, also each new line until Ctrl-C.
    Raises `input_unreadable` if there is no such log."""
    path = find(paths.find(), what)
    try:
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            console.write_bytes(tail(file.fileno(), size, lines))
            file.seek(size)
            while follow:
                if added := file.read():
                    console.write_bytes(added)
                elif file.tell() > os.fstat(file.fileno()).st_size:
                    file.seek(0)  # it was truncated
                elif _is_moved(file.fileno(), path):
                    console.write_bytes(file.read())  # lines written before the log was moved
                    with open(path, "rb", buffering=0) as following:
                        os.dup2(following.fileno(), file.fileno())
                else:
                    time.sleep(POLL_S)
    except BrokenPipeError:
        raise  # the error is standard output's
    except OSError as error:
        raise HushdError("input_unreadable", f"The log {path} cannot be read ({error.strerror}).") from error


def _is_moved(descriptor: int, path: Path) -> bool:
    """Returns whether the log was moved aside, and replaced by a new one."""
    try:
        return not os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False  # the new one does not exist yet


def find(where: paths.Paths, what: str | None) -> Path:
    """Returns the log of the worker `what`, or the newest of a role or an engine; the supervisor's for None."""
    if what in (None, "supervisor"):
        if where.supervisor_log.exists():
            return where.supervisor_log
        raise HushdError("input_unreadable", f"There is no log yet: {where.supervisor_log} does not exist.")
    assert what is not None
    exact = where.worker_log(what)
    logs = sorted(where.logs.glob("*.log")) if where.logs.is_dir() else []
    matches = [log for log in logs if log == exact or log.name.startswith(f"{exact.stem}-")]
    if not matches:
        names = ", ".join(log.stem for log in logs) or "there are none yet"
        raise HushdError("input_unreadable", f"There is no log of {what!r} ({names}).")
    return max(matches, key=lambda log: (log == exact, log.stat().st_mtime))


def tail(descriptor: int, size: int, lines: int) -> bytes:
    """Returns the last `lines` lines of the first `size` bytes of a file."""
    start = max(0, size - max(0, lines) * LINE)
    data = os.pread(descriptor, size - start, start)
    return b"".join(data.splitlines(keepends=True)[-lines:]) if lines > 0 else b""
