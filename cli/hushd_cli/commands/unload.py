"""`hushd unload`: ends workers, and has them keep away for a while.

Workers that continue for other programs are reported. With a PROGRAM this command becomes that, while a process beside
it has workers keep away: `python -m hushd_cli.commands.unload PID OPTIONS` prints hushd's answer, or its error, as a
line of JSON, and stays until process PID is gone, however that ends: the kernel says so. Where the supervisor leaves
before, the next one is asked for the same. That process is not a child of the program, and gets no signal of the
program's terminal.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hushd_protocol import JsonObject
from hushd_protocol.errors import UNANSWERED, HushdError

from hushd_cli.arguments import Parser
from hushd_cli.terminal import console

NOT_FOUND, NOT_RUN = 127, 126  # exit codes, as of env and nice
ABSENT_S = 1.0  # seconds between two looks for the next supervisor
_WITHOUT_WORKERS = "--for, --all and PROGRAM are about all workers: leave WHAT out."


def main(prog: str, argv: Sequence[str]) -> int:
    """Raises `server_busy` if some workers continue for now."""
    end = list(argv).index("--") if "--" in argv else len(argv)
    options, program = make_parser(prog).parse_args(argv[:end]), argv[end + 1 :]
    away = options.keep_away is not None or bool(program)
    if options.what and (away or options.everywhere):
        raise HushdError("bad_request", _WITHOUT_WORKERS)
    if options.everywhere and not away:
        raise HushdError("bad_request", "--all says from what workers keep away: add --for TIME, or -- PROGRAM.")
    if program and os.environ.get("HUSHD_ENDPOINT"):
        raise HushdError(
            "unsupported", "PROGRAM is run on this machine, and HUSHD_ENDPOINT leads to another one: run it there."
        )
    if program:
        if options.json or options.keep_away:
            raise HushdError("bad_request", "--for and --json are without PROGRAM: leave out one of them.")
        return _become(list(program), everywhere=options.everywhere, force=options.force)
    from hushd.client import Client

    with Client(holder="cli", start=away) as client:  # somebody must know that workers keep away
        ended = client.unload(
            *options.what, force=options.force, keep_away=options.keep_away, everywhere=options.everywhere
        )
    if options.json:
        console.write(json.dumps({"unloaded": ended, "busy": ended.busy}) + "\n")
    if ended.busy:
        raise HushdError("server_busy", _later(ended.busy), detail={"busy": ended.busy})
    return 0


def make_parser(prog: str) -> Parser:
    parser = Parser(
        prog,
        "End workers and give their memory back. Jobs of other programs finish first. With a PROGRAM after -- that is "
        "run, and no worker starts on a graphics card until it has ended: the exit status is its own.",
    )
    parser.add_argument("what", nargs="*", metavar="WHAT", help="such as stt or tts/hibari; default: all of them")
    parser.add_argument(
        "--for",
        dest="keep_away",
        metavar="TIME",
        help="end workers on graphics cards, and start none there for so long, such as 90s or 1h; 0 ends that",
    )
    parser.add_argument(
        "--all",
        dest="everywhere",
        action="store_true",
        help="with --for or PROGRAM: end all workers, and start none at all",
    )
    parser.add_argument(
        "--force", action="store_true", help="end other programs' jobs now; hushd repeats them if possible"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def _later(busy: Mapping[str, int]) -> str:
    """Says which workers end later, and after what."""
    names, jobs = ", ".join(busy), sum(busy.values())
    ends = "ends" if len(busy) == 1 else "end"
    when = "a job of another program has" if jobs == 1 else f"{jobs} jobs of other programs have"
    them = "it" if jobs == 1 else "them"
    return f"{names} {ends} when {when} finished; `hushd unload --force` ends {them} now."


# --- while a program runs ---------------------------------------------------------------------------------------------


def _become(program: list[str], *, everywhere: bool, force: bool) -> int:
    """Becomes the program, as `env` and `nice` do, once workers have left; returns only where it cannot be run.

    So its exit status, its signals and its place on the terminal are its own.
    Raises HushdError if workers cannot be asked to keep away.
    """
    answer = _held({"everywhere": everywhere, "force": force})
    if "message" in answer:
        raise HushdError(answer["code"], answer["message"])
    if busy := answer["busy"]:
        console.complain(_later(busy))
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        console.complain(f"{program[0]} cannot be run: {error.strerror}.")
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_RUN


def _held(options: JsonObject) -> JsonObject:
    """Starts the process that has workers keep away; returns what it prints, once workers have left."""
    command = [sys.executable, "-P", "-m", "hushd_cli.commands.unload", str(os.getpid()), json.dumps(options)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet, start_new_session=True, text=True
    ) as keeper:
        assert keeper.stdout is not None
        line = keeper.stdout.readline()
    failed = {"code": "internal", "message": "The process that has workers keep away has ended without an answer."}
    answer: JsonObject = json.loads(line) if line else failed
    return answer


def keep_away(program: int, options: dict[str, Any]) -> None:
    """Has workers keep away, by the options of `Client.unload`."""
    if os.fork():
        os._exit(0)
    ended = _watch(program)  # the child waits for the line
    from hushd.client import Client

    client = Client(holder="cli")
    try:
        busy = client.unload(hold=True, **options).busy
    except HushdError as error:
        # There is no worker where no supervisor may be started.
        _say({"busy": {}} if error.code in UNANSWERED else {"code": error.code, "message": error.message})
        return
    _say({"busy": busy})
    threading.Thread(target=lambda: (ended(), os._exit(0))).start()
    later = Client(holder="cli", start=False)  # a shutdown is not undone
    while client.link.wait_lost():
        try:
            later.unload(hold=True, **options)
            client = later
        except HushdError:
            time.sleep(ABSENT_S)


def _say(answer: dict[str, Any]) -> None:
    """Prints a line, the only one, and closes the pipe: whoever reads it does not wait for this process."""
    os.write(1, json.dumps(answer).encode() + b"\n")
    os.dup2(0, 1)


def _watch(program: int) -> Callable[[], object]:
    """Returns a function that waits for the end of a process, which lives now."""
    if sys.platform == "linux":
        descriptor = os.pidfd_open(program)
        return lambda: select.select([descriptor], [], [])
    queue = select.kqueue()
    exits = select.kevent(program, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
    queue.control([exits], 0)
    return lambda: queue.control(None, 1)


if __name__ == "__main__":
    keep_away(int(sys.argv[1]), json.loads(sys.argv[2]))
