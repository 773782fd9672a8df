"""The supervisor's command line, read by hand: argparse would stay in memory for the supervisor's life."""

from __future__ import annotations

from dataclasses import dataclass

from hushd_protocol.errors import HushdError

USAGE = "hushd serve"
HELP = """\
usage: python -m hushd_supervisor [--auto] [--ready-fd N] [--http ADDRESS] [--wyoming ADDRESS]
                                  [run | serve]

Runs the supervisor; `hushd serve` does the same.

  --auto        leave after a while without a worker or a request (`exit_when_idle` in the configuration)
  --ready-fd N  write a line to the open file N once clients can connect
  --http, --wyoming ADDRESS
                listen there, in place of what the configuration says; may be repeated
  -h, --help    show this help and exit
"""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line.

    Attributes:
        auto: whether a client started us: leave after a while without work, as one started by a service manager's
            socket does.
        ready_fd: an open file that gets a line once clients can connect.
        http, wyoming: addresses to listen at, in place of the configuration's.
        help: whether to show the help instead of running.
        serve: whether a person has it serve HTTP and Wyoming, and reads where.
    """

    auto: bool = False
    ready_fd: int | None = None
    http: tuple[str, ...] = ()
    wyoming: tuple[str, ...] = ()
    help: bool = False
    serve: bool = False


def parse(arguments: list[str]) -> Options:
    """Reads the options in `arguments`. Raises `bad_request`."""
    auto, ready_fd = False, None
    listen: dict[str, list[str]] = {"--http": [], "--wyoming": []}
    if "--help" in arguments or "-h" in arguments:
        return Options(help=True)
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option = rest.pop(0)
        if option == "--auto":
            auto = True
        elif option == "--ready-fd" and rest and rest[0].isascii() and rest[0].isdigit():
            ready_fd = int(rest.pop(0))
        elif option in listen and rest:
            listen[option].append(rest.pop(0))
        else:
            raise HushdError("bad_request", f"The option {option} is unknown or lacks its value: use {USAGE}.")
    match rest:
        case [] | ["run"]:
            return Options(auto, ready_fd, tuple(listen["--http"]), tuple(listen["--wyoming"]))
        case ["serve"]:
            return Options(False, None, tuple(listen["--http"]), tuple(listen["--wyoming"]), serve=True)
    raise HushdError("bad_request", f"{' '.join(rest)!r:.80} is no command: use {USAGE}.")
