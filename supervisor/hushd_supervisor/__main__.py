"""`python -m hushd_supervisor [--auto] [--ready-fd N] [run]` and `... config check [FILE]`.

`hushd run` and `hushd config check` replace themselves by this program. It reads its arguments by hand, because
argparse would stay in memory for the supervisor's life.
"""

from __future__ import annotations

import functools
import gc
import math
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import zmq
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.messages import Welcome
from hushd_protocol.system.footprint import cores
from hushd_protocol.system.paths import Paths, find, prepare_runtime, prepare_state
from hushd_protocol.system.terminal import escaped, shown
from hushd_protocol.system.trace import mark

from .core.pool import Pool
from .core.settings import Settings
from .system import config, log
from .system.describe import Descriptions
from .system.doorkeeper import Doorkeeper
from .system.loop import Loop
from .system.memory import cards, measure, psi
from .system.memory.cgroup import Cgroup
from .system.memory.history import History
from .system.memory.needs import Needs
from .system.process import OpenFiles
from .system.remote.remote import Remote
from .system.request_log import RequestLog
from .system.signals import Signals
from .system.sockets import lock
from .system.sockets.client_socket import ClientSocket
from .system.sockets.worker_socket import WorkerSocket
from .system.standby import Templates

if TYPE_CHECKING:
    from .system.sd_notify import ServiceManager

USAGE = "hushd run, hushd serve, or hushd config check [FILE]"
HELP = """\
usage: python -m hushd_supervisor [--auto] [--ready-fd N] [--http ADDRESS] [--wyoming ADDRESS] [run | serve]
       python -m hushd_supervisor config check [FILE] | config show

Runs the supervisor, or checks the configuration file. `hushd run` and `hushd config check` do the same.

  --auto        leave after a while without a worker or a request (`exit_when_idle` in the configuration)
  --ready-fd N  write a line to the open file N once clients can connect
  --http, --wyoming ADDRESS
                listen there, in place of what the configuration says; may be repeated
  -h, --help    show this help and exit
"""
EXIT_BUG = 70  # EX_SOFTWARE
LOOK_S = 5.0  # between two looks at memory where the kernel does not report pressure


@dataclass(frozen=True, slots=True)
class Options:
    """The command line.

    Attributes:
        auto: whether a client started us: leave after a while without work, as one started by a service manager's
            socket does.
        ready_fd: an open file that gets a line once clients can connect.
        http, wyoming: addresses to listen at, in place of the configuration's.
        check: a configuration file to check instead of running; "" for the usual one.
        show: whether to print all settings as JSON instead.
        help: whether to show the help instead.
        serve: whether it is an error to listen nowhere for HTTP and Wyoming.
    """

    auto: bool = False
    ready_fd: int | None = None
    http: tuple[str, ...] = ()
    wyoming: tuple[str, ...] = ()
    check: str | None = None
    show: bool = False
    help: bool = False
    serve: bool = False


def main(arguments: list[str]) -> int:
    """Runs the command line; returns 0, or the exit status of the error in `errors.CODES`."""
    mark("supervisor started")
    try:
        options = parse(arguments)
        if options.help:
            print(HELP, end="")
            return 0
        paths = find()
        if options.show:
            _show(paths)
        elif options.check is not None:
            _check(Path(options.check) if options.check else paths.config, named=bool(options.check))
        else:
            run(options, paths)
    except HushdError as error:
        _complain(str(error))
        return error.exit_code
    except Exception as error:
        # A bug, or a machine without resources. The workers end with this process, by their lifelines.
        import traceback  # costs every start some milliseconds

        if not sys.stderr.isatty():
            traceback.print_exc()  # standard error is a log
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        _complain(f"The supervisor failed ({type(error).__name__} at {place}: {error}).")
        return EXIT_BUG
    return 0


def parse(arguments: list[str]) -> Options:
    """Reads the options in `arguments`.

    Raises:
        HushdError: `bad_request`.
    """
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
        case ["config", "show"]:
            return Options(show=True)
        case ["config", "check"]:
            return Options(check="")
        case ["config", "check", file]:
            return Options(check=file)
    raise HushdError("bad_request", f"{' '.join(rest)!r:.80} is no command: use {USAGE}.")


def _show(paths: Paths) -> None:
    """Prints all settings as JSON."""
    import json

    from .system.settings_shown import rows

    print(json.dumps(rows(config.load(paths.config))))


def _check(file: Path, named: bool) -> None:
    """Checks a configuration file, and prints the result; `named` files must exist.

    Raises:
        HushdError: `bad_request`.
    """
    from .core.serving.address import parse_remote
    from .system import engine_names
    from .system.serving import listeners

    if named and not file.exists():
        raise HushdError("bad_request", f"{file} does not exist.")
    settings = config.load(file)
    engine_names.check(settings, str(file))
    token = os.environ.get(listeners.TOKEN, "") or listeners.read_token(settings)
    for address in listeners.addresses(settings):
        listeners.check(address, settings, token)
    if settings.remote.listen:
        parse_remote(settings.remote.listen)
    text = f"{file} is fine." if file.exists() else f"{file} does not exist, so the defaults hold."
    print(shown(text, 1))


def run(options: Options, paths: Paths) -> None:
    """Serves until there is nothing left to do; returns at once when another supervisor answers."""
    os.umask(0o077)
    os.environ.pop("HUSHD_ENDPOINT", None)  # our gateway is our client, not another machine's
    prepare_runtime(paths)
    prepare_state(paths)
    inherited, passed, manager = _from_service_manager(paths)
    activated = inherited is not None
    settings = _settings(options, paths)
    if other := _other(paths, activated):
        _report_ready(options)
        if not options.auto:
            _complain(f"Another supervisor already listens on {other / 'client.sock'}.")
        if options.serve:
            raise HushdError(
                "bad_request", "hushd serve needs the place of that supervisor: run `hushd shutdown` first."
            )
        return
    if options.auto or activated:
        output = log.open_file(paths.supervisor_log)
        os.dup2(output, 2)
        os.close(output)
    logged = log.Log(
        settings.log_level, paths.supervisor_log if options.auto or activated else None, form=settings.log_format
    )
    record = logged.write
    requests = RequestLog(record, settings.log_content)
    launch, poller = OpenFiles().launch, zmq.Poller()
    doorkeeper = Doorkeeper(poller, launch, paths, record, passed)
    try:
        doorkeeper.configure(settings)
    except HushdError as error:
        if not (options.auto or activated):
            raise
        record("error", f"not listening for HTTP and Wyoming: {error}")  # our own clients need us all the same
    remote = Remote(poller, paths, record)
    try:
        remote.configure(settings)
    except HushdError as error:
        if not (options.auto or activated):
            raise
        record("error", f"not listening for other machines: {error}")
    context = zmq.Context()
    worker_listener = lock.ListeningSocket(paths.worker_socket)
    listener = lock.ListeningSocket(paths.client_socket, inherited)
    signals = Signals(children=sys.platform != "linux")
    welcome = Welcome(protocol=PROTOCOL, version=__version__, pid=os.getpid())
    cgroup, needs, history = Cgroup.own(), Needs(paths.needs), History(paths.memory_record)
    oom_kills = functools.partial(measure.oom_kills, cgroup)
    machine = functools.partial(measure.machine, cgroup)
    templates = Templates(poller, launch, paths, settings)
    stalls = psi.choose(poller, cgroup, machine, os.environ.get("HUSHD_PRESSURE", ""))
    loop = Loop(
        Pool(
            settings,
            version=__version__,
            pid=os.getpid(),
            auto=options.auto or activated,
            memory=machine,
            needs=needs.load(),
            cores=cores(),
            look_every=math.inf if stalls.work else LOOK_S,
            has_cards=cards.there,
        ),
        poller,
        ClientSocket(context, listener),
        WorkerSocket(
            context,
            worker_listener,
            poller,
            paths,
            settings,
            welcome,
            launch,
            record,
            oom_kills=oom_kills,
            templates=templates,
        ),
        Descriptions(poller, launch, paths.logs),
        signals,
        stalls,
        needs,
        listener,
        record,
        read_settings=functools.partial(_settings_again, options, paths, logged, requests),
        in_terminal=sys.stderr.isatty(),
        manager=manager,
        doorkeeper=doorkeeper,
        history=history,
        requests=requests,
        cards=cards.CardLooks(poller, launch, paths.logs),
        remote=remote,
        templates=templates,
    )
    listener.watch()
    record("info", f"hushd {__version__} (pid {os.getpid()}) listens on {paths.client_socket}")
    gc.collect()
    gc.freeze()  # the objects of the start stay: no collection need walk them
    history.begin()
    _report_ready(options)
    if manager:
        manager.ready()
    loop.run()
    history.end()
    loop.close()
    worker_listener.remove()
    context.term()
    record("info", "left")


def _settings(options: Options, paths: Paths) -> Settings:
    """The configuration, with the addresses of the command line."""
    settings = config.load(paths.config)
    if options.http:
        settings = replace(settings, http=replace(settings.http, listen=options.http))
    if options.wyoming:
        settings = replace(settings, wyoming=replace(settings.wyoming, listen=options.wyoming))
    if options.serve and not (settings.http.listen or settings.wyoming.listen):
        raise HushdError(
            "bad_request",
            "hushd serve was given no address: use --http 127.0.0.1:8000 or --wyoming tcp://127.0.0.1:10300.",
        )
    return settings


def _settings_again(options: Options, paths: Paths, logged: log.Log, requests: RequestLog) -> Settings:
    """The configuration, read once more; the log follows it at once."""
    settings = _settings(options, paths)
    logged.configure(settings.log_level, settings.log_format)
    requests.content = settings.log_content
    return settings


def _other(paths: Paths, activated: bool) -> Path | None:
    """The runtime folder of another supervisor of this user that serves already; None when we are the one to serve."""
    patience = lock.LONG_PATIENCE_S if activated else lock.PATIENCE_S
    if lock.acquire(paths, patience, activated=activated) is None:
        return paths.runtime
    return lock.claim_pointer(paths, patience, activated=activated)


def _from_service_manager(paths: Paths) -> tuple[int | None, list[tuple[str, int]], ServiceManager | None]:
    """The sockets that a service manager listens on for us, the clients' and the others, and where to notify it."""
    inherited = manager = None
    passed: list[tuple[str, int]] = []
    if "LISTEN_FDS" in os.environ or sys.platform == "darwin":
        from .system import activation

        inherited, passed = activation.inherited(paths.client_socket)
    if "NOTIFY_SOCKET" in os.environ:
        from .system.sd_notify import from_environment

        manager = from_environment()
    return inherited, passed, manager


def _complain(message: str) -> None:
    print(f"hushd: {escaped(message)}", file=sys.stderr)  # a terminal, or a log that is shown on one


def _report_ready(options: Options) -> None:
    mark("supervisor ready")
    if options.ready_fd is not None:
        try:
            os.write(options.ready_fd, b"\n")
            os.close(options.ready_fd)
        except OSError:
            pass  # the process that waited is gone; others may still need this supervisor


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
