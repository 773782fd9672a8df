"""Fixtures for all tests: a private runtime folder, and a real supervisor in it."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from hushd.transport.connection import Connection
from hushd_cli.terminal import console
from hushd_protocol.system import footprint
from support import ears, moonshine_once, order, passed, processor_time, skips, warm
from support.emulator import emulated, lengthen
from support.memory_group import MemoryGroup
from support.peer import CONFIG, Start, Supervisor, check_nothing_is_left
from support.programs import Programs
from support.scripted_router import Script, ScriptedRouter


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--night` runs what only a night has time for; `--processor-times N` says which tests and files are dear."""
    parser.addoption("--night", action="store_true", help="run the tests marked `night` too")
    parser.addoption("--passed-to", type=Path, metavar="FILE", help="write there which tests passed")
    parser.addoption("--passed-in", type=Path, metavar="FILE", help="leave out what passed there and touches no engine")
    parser.addoption("--most-skipped", type=int, metavar="N", help="fail where more tests are skipped")
    parser.addoption("--order", metavar="SEED", help="draw the order of tests; `drawn`: its seed, too")
    parser.addoption("--processor-times", type=int, metavar="N", help="show the N dearest files and tests")
    parser.addoption("--record", action="store_true", help="keep each file's processor time in tests/seconds.json")


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marks known, and counts processor time where it is asked for.

    A tree that has more plugins than its environment is told so at once, not by each test that misses one.
    """
    lacking = [path for path in Path(__file__).parent.glob("plugins/*/hushd*") if not find_spec(path.name)]
    if lacking:
        raise pytest.UsageError(
            f"This environment lacks {', '.join(path.name for path in lacking)}: run scripts/setup."
        )
    if asked := config.getoption("--order"):
        config.option.order = getattr(config, "workerinput", {}).get("order") or order.seed(asked)
    # Tests run side by side, each on a core: threads of one, with models this small, mostly wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # A shell has its background jobs ignore Ctrl-C, and nohup SIGHUP. The programs of tests would inherit that, but a
    # handler ends with exec.
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
    config.addinivalue_line("markers", "night: takes long; run by scripts/test --night alone")
    config.addinivalue_line("markers", "plugin(name): is about a plugin too; left out of a tree that lacks it")
    config.addinivalue_line("markers", "user: says nothing of root, who may do everything; run as a user alone")
    if moonshine_once.FOLDER not in os.environ:  # in xdist's processes it is there
        heard = os.environ[moonshine_once.FOLDER] = tempfile.mkdtemp(prefix="hushd-heard-")
        os.environ["XDG_CONFIG_HOME"] = f"{heard}/config"  # nothing is there: no test reads a user's own configuration
        config.add_cleanup(lambda: shutil.rmtree(heard, ignore_errors=True))
        config.add_cleanup(ears.start(Path(heard)))
        config.add_cleanup(lambda: os.environ.pop(moonshine_once.FOLDER))
    if (path := config.getoption("--passed-to")) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(passed.Writer(path))
    shown, kept = config.getoption("--processor-times"), config.getoption("--record")
    if shown or kept:
        config.pluginmanager.register(processor_time.ProcessorTimes(shown or 0, kept))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells each of xdist's processes the seed that was drawn."""
    node.workerinput["order"] = node.config.getoption("--order")


def pytest_sessionstart() -> None:
    """Leaves the garbage collector off until all tests are read: nothing of them is garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Turns it on, but for the million objects that are there now: each full collection would look at them for 1 s."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Gives a test that is a coroutine function a loop of its own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True, scope="module")
def a_file_leaves_its_process_as_it_was() -> Iterator[None]:
    """Gives back what a file has freed, in 4 ms: else a process would keep the most that each heap has had. And
    orphans are init's again, which a server's process adopts for good: other tests look at who has a daemon."""
    yield
    footprint.trim()
    warm.adopt_orphans(False)


@pytest.fixture(autouse=True)
def environment_is_kept() -> Iterator[None]:
    """Takes back whatever variables a command or a library has set in this process: others are tested here next."""
    before = dict(os.environ)
    yield
    now = dict(os.environ)
    for name, _ in before.items() ^ now.items():
        if name != "PYTEST_CURRENT_TEST" and os.environ.get(name) != before.get(name):
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


@pytest.fixture(autouse=True)
def standard_error_is_kept() -> Iterator[None]:
    """Fails the test that silences standard error in this process: each test after it would be silent too."""
    yield
    if (errors := console.errors()) != 2:
        os.dup2(errors, 2)
        os.close(errors)
        console._errors = 2
        pytest.fail(
            "This test ran `console.silence_libraries` in this process: run that command in its own, or patch it."
        )


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A private folder, 0700 and with a short path, for runtime, state and configuration; nothing starts by itself."""
    yield from _private_folder(monkeypatch)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The same for all tests of a file that share what they start."""
    with pytest.MonkeyPatch.context() as patch:
        yield from _private_folder(patch)


def _private_folder(patch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hushd-", dir="/tmp"))
    patch.setenv("HUSHD_RUNTIME_DIR", str(folder))
    patch.setenv("HUSHD_STATE_DIR", str(folder / "state"))
    (folder / "config.toml").touch()  # of one that is named and not there, commands warn on a terminal
    patch.setenv("HUSHD_CONFIG", str(folder / "config.toml"))
    patch.setenv("HUSHD_AUTOSTART", "0")
    yield folder
    for lock in folder.glob("mcp-*.lock"):  # of a process that would wait for calls for a minute
        with suppress(psutil.Error, ValueError):
            process = psutil.Process(int(lock.read_text()))
            if str(lock.with_suffix("")) in process.cmdline():  # else it ended, and its number is somebody else's
                process.terminate()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_supervisor(runtime: Path) -> Iterator[Start]:
    """Starts real supervisors in `runtime`: `start_supervisor(config, *arguments, environment={…})`.

    At the end they are told to leave, and must leave no process behind.
    """
    started: list[Supervisor] = []

    def start(config: str = CONFIG, *arguments: str, **options: Any) -> Supervisor:
        started.append(Supervisor(runtime, config, *arguments, **options))
        assert started[-1].ready, started[-1].log()
        return started[-1]

    yield start
    for supervisor in reversed(started):
        supervisor.stop()
    check_nothing_is_left(runtime)


@pytest.fixture
def supervisor(start_supervisor: Start) -> Supervisor:
    """A supervisor with the workers `stt/echo`, `tts/echo` and `stt/fake`, ready to be asked."""
    return start_supervisor()


@pytest.fixture(scope="module")
def carried(home: Path) -> Iterator[Supervisor]:
    """A supervisor with the engines that hushd carries: one for the tests of a file, which hear the same once a run."""
    with Supervisor(home, moonshine_once.configuration()) as started:
        yield started


@pytest.fixture
def start_router(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ScriptedRouter]]:
    """Starts scripted supervisors, one at a time, in the runtime folder.

    Its thread may have no core for a second, after which a client says hello again: so clients of this process wait
    for their welcome a minute, but where it is `silent` and says none.
    """
    routers: list[ScriptedRouter] = []
    connect, defaults = Connection.__init__, Connection.__init__.__kwdefaults__ or {}

    def start(script: Script | None = None, *, silent: bool = False, **options: Any) -> ScriptedRouter:
        routers.append(ScriptedRouter(runtime, script, **options))
        if silent:
            routers[-1].welcome = None
        patience = {} if silent else {"patience": 60.0}
        monkeypatch.setattr(connect, "__kwdefaults__", defaults | patience)
        return routers[-1]

    yield start
    for router in routers:
        router.die()


@pytest.fixture
def programs(supervisor: Supervisor, runtime: Path) -> Iterator[Programs]:
    """Commands that speak and listen on a device that keeps a diary; none is left running."""
    made = Programs(runtime)
    yield made
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def memory_group() -> Iterator[MemoryGroup]:
    """A real memory cgroup; the test is skipped where none can be made."""
    try:
        group = MemoryGroup()
    except OSError as error:
        pytest.skip(f"no memory cgroup can be made here ({error})")
    yield group
    group.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the tests of the night out by day and those of a user as root, and puts the longest files first.

    Of a file's tests that lack the same thing one stands for all.
    """
    if path := config.getoption("--passed-in"):
        names = passed.read(path)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid in names])
        items[:] = [item for item in items if item.nodeid not in names]
    left_out = {"night"} if not config.getoption("--night") else set()
    if os.getuid() == 0:
        left_out.add("user")
    here = {path.parent.name for path in Path(__file__).parent.glob("plugins/*/pyproject.toml")}
    lacking = {item for item in items if any(not here.issuperset(m.args) for m in item.iter_markers("plugin"))}
    items[:] = [item for item in items if item not in lacking]
    if late := {item for item in items if any(map(item.get_closest_marker, left_out))}:
        config.hook.pytest_deselected(items=[item for item in items if item in late])
        items[:] = [item for item in items if item not in late]
    if again := skips.again(items):
        config.hook.pytest_deselected(items=list(again))
        items[:] = [item for item in items if item not in again]
    if emulated():
        lengthen(items, float(config.getini("timeout")))
    if (seed := config.getoption("--order")) is not None:
        items[:] = order.drawn(items, seed)
        return
    seconds = processor_time.recorded()
    files = {item.path: seconds.get(item.nodeid.partition("::")[0], 0) for item in items}
    items.sort(key=lambda item: -files[item.path])  # or one process begins a long file when all others are about to end


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a run that skipped more than it may."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    most = session.config.getoption("--most-skipped")
    if (
        most is not None
        and reporter
        and skips.count(reporter.stats.get("skipped", [])) > most
        and not session.exitstatus
    ):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints one table of skips with their reasons, the tests left out, and the engines that no test has seen."""
    if (seed := config.getoption("--order")) is not None:
        terminalreporter.write_line(f"The order was drawn: scripts/test --order {seed} brings it back.")
    if path := config.getoption("--passed-in"):
        for line in passed.summary(passed.read(path)):
            terminalreporter.write_line(line)
    skipped = terminalreporter.stats.get("skipped", [])
    for line in skips.table(skipped):
        terminalreporter.write_line(line)
    if (most := config.getoption("--most-skipped")) is not None:
        terminalreporter.write_line(f"Skipped in all: {skips.count(skipped)}; at most {most} may be.")
    packages = {"faster-whisper": "faster_whisper", "onnx-asr": "onnx_asr", "whisper": "whisper"}
    packages |= {"kokoro": "kokoro_onnx", "piper": "piper", "ray": "ray"}
    if missing := [engine for engine, package in packages.items() if find_spec(package) is None]:
        terminalreporter.write_line(f"Not installed, so not tested: {', '.join(missing)} (scripts/test --engines all).")
