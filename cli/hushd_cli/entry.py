"""The commands `say`, `listen` and `hushd`.

Every spoken word waits for their start, so this module imports next to nothing, and each command only what it needs,
when it needs it. They leave by `os._exit` once everything is written: shutting an interpreter down takes time and
gains nothing.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from hushd_protocol.errors import HushdError, leaf_errors
from hushd_protocol.limits import EXIT_BUG
from hushd_protocol.system.own_modules import guard

from hushd_cli.terminal import console
from hushd_cli.terminal.console import complain

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

# Objects between two collections: imports make as many, which stay. Walking them took 4 of a warm say's 105 ms.
gc.set_threshold(20_000)
EXIT_INTERRUPTED = 128 + signal.SIGINT
EXIT_BROKEN_PIPE = 128 + signal.SIGPIPE  # exit code that stands for the signal, which Python ignores


def say() -> NoReturn:
    _run("say", "hushd_cli.commands.say.command")


def listen() -> NoReturn:
    _run("listen", "hushd_cli.commands.listen.command")


def hushd() -> NoReturn:
    _run("hushd", "hushd_cli.main")


def agent_hook(event: bytes) -> NoReturn:
    """Handles an agent's event, in a background process."""
    sys.argv[1:] = [os.fsdecode(event)]
    _run("hushd agents hook", "hushd_cli.commands.agents.reaction")


def _run(command: str, module: str) -> NoReturn:
    """Runs `main(prog, argv)` of a module, and exits with the status it returns."""
    guard()
    sys.argv[0] = command.partition(" ")[0]  # the supervisor knows this program by that name, however it was started
    _take_signals(signal.SIG_DFL)  # there is no work to cancel yet, and imports cannot be interrupted safely
    _open_standard_descriptors()
    try:
        status = _run_main(command, module)
    except KeyboardInterrupt:  # the user pressed Ctrl-C, or once more while the first one ended the work
        status = EXIT_INTERRUPTED
    _await_device_search()
    _take_signals(signal.SIG_DFL)  # there is no work to cancel any more
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            status = status or EXIT_BROKEN_PIPE
    os._exit(status)


def _run_main(command: str, module: str) -> int:
    """Returns the exit status of a module's `main`, also where it raises; KeyboardInterrupt passes unchanged."""
    try:
        main = import_module(module).main

        console.program = command
        if (config := os.environ.get("HUSHD_CONFIG")) and sys.argv[1:2] != ["config"] and not os.path.exists(config):
            console.note(f"HUSHD_CONFIG names {config}, which does not exist: the defaults hold.")
        _take_signals(_interrupt)
        return int(main(command, sys.argv[1:]))
    except BaseException as error:
        return _status_of(error)


def _status_of(error: BaseException) -> int:
    """Returns the exit code for a command's end; prints the reason in one sentence, unless the user ended it.

    Tasks side by side fail in a group: one that was interrupted ends them all, and the pipe that broke under one breaks
    under all.
    """
    errors = list(leaf_errors(error))
    for each in errors:
        if isinstance(each, KeyboardInterrupt):
            return EXIT_INTERRUPTED
        if isinstance(each, SystemExit) and isinstance(each.code, int):
            return each.code
    failed = next((each for each in errors if not isinstance(each, BrokenPipeError)), None)
    return _explain(failed) if failed else EXIT_BROKEN_PIPE


def _explain(error: BaseException) -> int:
    """Prints the error as one sentence; returns the exit code."""
    if isinstance(error, HushdError):
        complain(error.message)
        return error.exit_code
    if os.environ.get("HUSHD_DEBUG"):
        complain(traceback.format_exc())
    complain(f"This is a bug in hushd ({type(error).__name__}: {error}): HUSHD_DEBUG=1 shows where.")
    return EXIT_BUG


def _take_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Sets `handler` for Ctrl-C, SIGTERM and SIGHUP.
    A signal that was ignored at the start stays ignored: SIGINT in a shell's background, SIGHUP under nohup."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Raises an exception, by which the request is cancelled and no half-written file is left.

    While the client is imported there is no request, and the process ends at once: an exception that is raised as
    pyzmq's module begins crashes it.
    """
    client = sys.modules.get("hushd.client")
    if client is not None and not hasattr(client, "Client"):
        _await_device_search()
        os._exit(128 + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _await_device_search() -> None:
    """Lets PortAudio end its look for devices, if it has begun one."""
    if wait_for_search := getattr(sys.modules.get("hushd.audio.devices"), "wait_for_search", None):
        _take_signals(lambda *_: None)
        wait_for_search()


def _open_standard_descriptors() -> None:
    """Opens /dev/null as each closed descriptor of 0, 1 and 2, for programs that replace this one too; otherwise a
    socket could get the number 1, and all output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDONLY)  # gets the lowest free number, this one; writing to it fails
            os.set_inheritable(opened, True)
