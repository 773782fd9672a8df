"""Confined workers: a worker reaches its model, its temporary folder and its job, and nothing else of the user's."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hushd_protocol import messages as m
from hushd_protocol.limits import PROTOCOL
from hushd_protocol.system import landlock, seccomp
from hushd_schema import engines
from hushd_worker import confinement
from support.confined_engine import TRIES
from support.refusals import hushd_error
from support.worker_peer import Peer

PROGRAM = Path(__file__).parents[1] / "support/confined_engine.py"
# What does nothing rather than be refused: a copy of a file sets rights, too.
NOTHING = ("open .bashrc to all",)
# What fails in another way: a call that does not exist for it, and a timer's signal for another's thread.
OTHERWISE = {
    "use what is newer": errno.ENOSYS,
    "cut its model by an open of another kind": errno.ENOSYS,
    "end another by a timer": errno.EINVAL,
}
REFUSALS = (errno.EPERM, errno.EACCES, errno.EXDEV)  # the last where a link would leave what may be read
needs_kernel = pytest.mark.skipif(
    not (landlock.version() and seccomp.available()), reason="this kernel confines nothing: it needs Linux 5.13"
)


class Scene:
    """A confined worker, and all that it could reach."""

    def __init__(self, folder: Path, landlock_version: int) -> None:
        self.folder, name = folder, f"hushd-{os.getpid()}-{landlock_version}"
        self.home, self.tmp = folder / "home", folder / "tmp"
        self.model, self.runtime = folder / "model", folder / "0"
        for made in (self.home / ".ssh", self.tmp, self.model, self.runtime):
            made.mkdir(parents=True)
        self.secrets = [
            self.home / ".ssh/id", self.home / ".bashrc", self.tmp / "others", self.model / "weights",
            self.runtime / "supervisor.log", Path("/dev/shm", name),
        ]  # fmt: skip
        for secret in self.secrets:
            secret.write_bytes(b"secret")
        self.listeners = [socket.create_server(("127.0.0.1", 0))]
        for address in (f"\0{name}", f"{self.runtime}/other.sock", f"{self.runtime}/client.sock"):
            self.listeners.append(socket.socket(socket.AF_UNIX))
            self.listeners[-1].bind(address)
            self.listeners[-1].listen()
        self.other = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
        port = self.listeners[0].getsockname()[1]
        self.place = {"pid": self.other.pid, "port": port, "abstract": name} | {
            key: str(getattr(self, key)) for key in ("home", "tmp", "model", "runtime")
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(self.tmp))
            patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
            patch.setenv("HUSHD_TEMPORARY", str(self.tmp / "hushd-worker-own"))
            command = [sys.executable, "-P", str(PROGRAM), str(self.model), "--landlock", str(landlock_version)]
            self.worker = Peer(folder / "0", command, passes_files=True)
        self.ready = self.worker.ready()

    def ask(self, op: str, **params: Any) -> Any:
        self.worker.send(m.Job(id=bytes(16), op=op, params=self.place | params))
        return self.worker.until(m.Result)[0].data

    def close(self) -> None:
        self.worker.close()
        self.other.kill()
        self.other.wait()
        for listener in self.listeners:
            listener.close()
        self.secrets[-1].unlink(missing_ok=True)


# Versions of Landlock at which something was added: Linux 5.13, 5.19, 6.2, 6.7, 6.10 and 6.12. An older one leaves more
# to seccomp.
VERSIONS = [version for version in (6, 5, 4, 3, 2, 1) if version <= landlock.version()]


@pytest.fixture(scope="module", params=VERSIONS, ids="landlock-{}".format)
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="hp", dir="/tmp"))
    opened = Scene(folder, request.param)
    yield opened
    opened.close()
    shutil.rmtree(folder)


@needs_kernel
@pytest.mark.parametrize("what", TRIES)
def test_a_worker_cannot(scene: Scene, what: str) -> None:
    """Each is refused; no secret is changed or gone, no process ended, and no socket has a caller."""
    expected = (OTHERWISE[what],) if what in OTHERWISE else (0, errno.EPERM) if what in NOTHING else REFUSALS
    assert scene.ask(what)["error"] in expected
    assert scene.other.poll() is None
    assert [secret.read_bytes() for secret in scene.secrets] == [b"secret"] * len(scene.secrets)
    info = scene.secrets[1].stat()
    assert (info.st_mode & 0o777, info.st_mtime > 0, os.listxattr(scene.secrets[1])) == (0o644, True, [])
    assert sorted(path.name for path in scene.home.iterdir()) == [".bashrc", ".ssh"]
    for listener in scene.listeners:
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


@needs_kernel
def test_a_worker_has_what_it_needs(scene: Scene) -> None:
    """Its model, a temporary folder of its own, threads, and the recording as it came, read-only: the one that its job
    names, not one of a job that never came."""
    assert scene.ready.capabilities["confined"] is True
    sound = scene.folder / "sound"
    sound.write_bytes(b"sound")
    other = scene.folder / "other"
    other.write_bytes(b"other")
    for passed in (other, sound):
        scene.worker.pass_file(passed)
    seen = sound.stat()
    scene.worker.send(
        m.Job(id=bytes(16), op="works", input="path", path=str(sound), device=seen.st_dev, inode=seen.st_ino)
    )
    own = str(scene.tmp / "hushd-worker-own")
    assert scene.worker.until(m.Result)[0].data == {
        "weights": b"secret", "own": b"mine", "pair": b"here", "memory": True, "cores": True, "core limit": 0,
        "places": [own] * 4, "compiles": False, "sound": b"sound", "sound, changed": errno.EACCES,
    }  # fmt: skip
    assert sound.stat().st_mode & 0o777 == 0o644
    assert Path(own).is_dir()


@needs_kernel
def test_what_was_refused_is_named(scene: Scene) -> None:
    """A sentence has the path that the engine's library wanted, and what to do."""
    wanted = str(scene.home / ".ssh/id")
    scene.worker.send(m.Job(id=bytes(16), op="want", params={"path": wanted}))
    error = scene.worker.until(m.Error)[0]
    assert error.code == "worker_failed"
    assert f"wanted to open {wanted}, which its confinement forbids" in error.message


def test_packages_are_compiled_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages that their installer has not compiled are compiled once, beside the worker, which cannot."""
    package = tmp_path / "hushd_fresh"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    started: list[int] = []
    spawn = os.posix_spawn
    monkeypatch.setattr(os, "posix_spawn", lambda *words: started.append(spawn(*words)))
    confinement.compile_packages(["hushd_fresh", "hushd_missing"])
    (pid,) = started
    os.waitpid(pid, 0)
    assert len(list(package.glob("__pycache__/*.pyc"))) == 1
    confinement.compile_packages(["hushd_fresh"])
    assert started == [pid]


@pytest.mark.parametrize("spec", engines.every(), ids=lambda spec: f"{spec.role}-{spec.name}")
def test_each_engine_has_a_share(
    spec: engines.EngineSpec, monkeypatch: pytest.MonkeyPatch, runtime: Path, tmp_path: Path
) -> None:
    """hushd's own are confined, but for programs and servers of the user's; none is given the home, the state or the
    runtime folder, or anything beside the configuration, and without a card none makes sockets."""
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", "cpu")
    monkeypatch.setenv("HUSHD_CONFIG", str(beside := tmp_path / "hushd" / "config.toml"))
    share = confinement.of_engine(spec.role, spec.name)
    assert (share is None) == (spec.name in ("command", "server"))
    if share:
        assert not share.local
        assert not {str(Path.home()), "/", "/tmp", "/proc", "/dev", str(runtime)} & set(map(str, share.readable))
        for place in map(Path, (*share.readable, *share.writable)):
            assert not place.is_relative_to(beside.parent)
            assert not beside.is_relative_to(place)
        assert not share.internet
        assert not share.programs


@pytest.mark.parametrize(("device", "named"), [("auto", True), ("cuda", True), ("cpu", True), ("auto", False)])
def test_a_card_is_given_to_a_worker_that_may_use_it(
    device: str, named: bool, monkeypatch: pytest.MonkeyPatch, runtime: Path, tmp_path: Path
) -> None:
    """With what its driver needs: sockets of its own, and the folder of what it compiles, which it writes where the
    user has named one. A user who chooses the processor keeps the card to other programs."""
    card = "/dev/nvidia0"
    monkeypatch.setattr(confinement, "glob", lambda pattern: [card] if pattern == "/dev/nvidia*" else [])
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", device)
    monkeypatch.setenv("CUDA_CACHE_PATH", compiled := str(tmp_path / "compiled") if named else "")
    share = confinement.of_engine("stt", "faster-whisper")
    assert share
    given = device != "cpu"
    assert (card in share.devices, share.local) == (given, given)
    assert (compiled in share.writable, "" in share.writable) == (given and named, False)
    assert (str(Path("~/.nv/ComputeCache").expanduser()) in share.readable) == given


def test_models_are_read_wherever_they_are(monkeypatch: pytest.MonkeyPatch, runtime: Path, tmp_path: Path) -> None:
    """A model that is a link, however deep in hushd's folder, is read where it lies, and one of a hub where that has
    it; the worker that brings models asks the user's resolver."""
    lies = tmp_path / "disk/weights.bin"
    lies.parent.mkdir()
    lies.write_bytes(b"weights")
    models, hub = tmp_path / "models", tmp_path / "hub"
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(models))
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    for place in ("link", "a/link", "a/b/link"):
        (models / place).parent.mkdir(parents=True, exist_ok=True)
        (models / place).symlink_to(lies)
        share = confinement.of_engine("stt", "faster-whisper")
        assert share
        readable = set(map(str, share.readable))
        assert {str(lies), str(hub)} < readable
        (models / place).unlink()
    bringing = confinement.of_models()
    assert "/run/systemd/resolve" in bringing.readable
    assert {str(hub)} < set(map(str, bringing.writable))


@pytest.mark.parametrize(("environment", "token"), [
    ({}, "cache/huggingface/token"), ({"HF_HOME": "hf"}, "hf/token"),
    ({"HF_HUB_CACHE": "hub"}, "cache/huggingface/token"), ({"HF_HOME": "hf", "HF_TOKEN_PATH": "token"}, "token"),
])  # fmt: skip
def test_the_users_token_is_read_where_the_hubs_library_has_it(
    environment: dict[str, str], token: str, monkeypatch: pytest.MonkeyPatch, runtime: Path, tmp_path: Path
) -> None:
    """Wherever the downloads are: a model that wants a login is brought with the user's own."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, place in ({"XDG_CACHE_HOME": "cache", "HUSHD_MODELS_DIR": "models"} | environment).items():
        monkeypatch.setenv(name, str(tmp_path / place))
    readable = map(str, confinement.of_models().readable)
    assert [name for name in readable if name.endswith("token")] == [str(tmp_path / token)]


@needs_kernel
def test_a_process_that_cannot_give_up_its_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A kernel that refuses, or a folder without room: `required` goes no further, `auto` goes on unconfined."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    monkeypatch.setattr(seccomp, "restrict", lambda *_, **__: None)
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    for setting in ("required", "auto", "off"):
        monkeypatch.setenv("HUSHD_CONFINE", setting)
        confined = confinement.Confinement(confinement.Share([]))
        confined.close_files()
        if setting == "required":
            with hushd_error("engine_missing", has="its files cannot be given up"):
                confined.close_calls()
        else:
            confined.close_calls()
        assert not confined.works


@needs_kernel
@pytest.mark.parametrize("setting", ["required", "auto"])
def test_a_worker_without_landlock(
    setting: str, start: Callable[..., Peer], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It does not start where confinement is required, and says why; else it works, and does not say `confined`."""
    monkeypatch.setenv("HUSHD_CONFINE", setting)
    worker = start([sys.executable, "-P", str(PROGRAM), str(tmp_path), "--landlock", "0"])
    worker.receive(m.WorkerHello)
    worker.send(m.Welcome(protocol=PROTOCOL, version="0"))
    if setting == "auto":
        assert "confined" not in worker.receive(m.Ready).capabilities
        return
    failed = worker.receive(m.LoadFailed)
    assert failed.code == "engine_missing"
    assert failed.message.startswith('[security] confine = "required", and this kernel has no Landlock')


# --- the filter, for each architecture ---


def _judge(steps: list[seccomp.Step], architecture: int, number: int, *arguments: int) -> int:
    """Returns the errno with which the kernel refuses a call, 0 if it is allowed."""
    data = {0: number, 4: architecture}
    for place, argument in enumerate((*arguments, *[0] * 6)[:6]):
        data |= {16 + 8 * place: argument & 0xFFFFFFFF, 20 + 8 * place: argument >> 32}
    at, word = 0, 0
    while True:
        operation, yes, no, value = steps[at]
        at += 1
        if operation == 0x20:
            word = data[value]
        elif operation == 0x06:
            return value & 0xFFFF if value >> 16 == 5 else 0
        else:
            true = {0x15: word == value, 0x35: word >= value, 0x45: bool(word & value)}[operation]
            at += yes if true else no


@pytest.mark.parametrize(("machine", "architecture", "column"), [("x86_64", 0xC000003E, 0), ("aarch64", 0xC00000B7, 1)])
def test_the_filter(machine: str, architecture: int, column: int) -> None:
    """Refused are the calls of the list, sockets, programs and signals to others; threads, reading and its own
    signals are not, on either architecture; calls of another architecture are."""
    steps = seccomp.steps(machine, 1234)
    calls = {
        "execve": (59, 221), "socket": (41, 198), "connect": (42, 203), "ptrace": (101, 117), "truncate": (76, 45),
    }  # fmt: skip
    for numbers in calls.values():
        assert _judge(steps, architecture, numbers[column]) == errno.EPERM
    kill, clone, prlimit = (62, 129)[column], (56, 220)[column], (302, 261)[column]
    assert _judge(steps, architecture, kill, 1234) == 0
    assert _judge(steps, architecture, kill, 1) == errno.EPERM
    assert _judge(steps, architecture, clone, 0x3D0F00) == 0
    assert _judge(steps, architecture, clone, 17) == errno.EPERM
    assert _judge(steps, architecture, 435) == errno.ENOSYS
    assert _judge(steps, architecture, 452) == errno.ENOSYS
    assert _judge(steps, architecture, 1 << 30) == errno.ENOSYS  # x32
    assert _judge(steps, architecture, prlimit, 0, 4, 0) == 0
    assert _judge(steps, architecture, prlimit, 0, 4, 1 << 40) == errno.EPERM
    fcntl, ioctl, pair = (72, 25)[column], (16, 29)[column], (53, 199)[column]
    for command in (8, 10, 15, 1024, 1026, 1 << 32 | 8):  # an owner, a signal, an owner, a lease, a watch
        assert _judge(steps, architecture, fcntl, 3, command) == errno.EPERM
    for command in (0x8901, 0x8902, 1 << 32 | 0x8901):
        assert _judge(steps, architecture, ioctl, 3, command) == errno.EPERM
    for call, command in ((fcntl, 0), (fcntl, 4), (fcntl, 6), (fcntl, 9), (fcntl, 1030), (ioctl, 0x5421)):
        assert _judge(steps, architecture, call, 8, command) == 0
    for kind, expected in ((1, 0), (0x801, 0), (0x80001, 0), (0x80801, 0), (2, 1), (0x80002, 1), (5, 1), (3, 1)):
        assert _judge(steps, architecture, pair, 1, kind) == expected * errno.EPERM
    # Flags of an open: to write nothing that is cut, to cut what is not written, and an access of neither kind.
    flags = {0: 0, 1: 0, 2: 0, 0x201: 0, 0x202: 0, 0x80000: 0, 0x200: 1, 0x80200: 1, 3: 1, 0x203: 1}
    for opens, before in (((257, 56)[column], 2), *([(2, 1)] if column == 0 else [])):
        for flag, expected in flags.items():
            assert _judge(steps, architecture, opens, *[0] * before, flag) == expected * errno.EPERM
    assert _judge(steps, architecture, 437) == errno.ENOSYS
    for number in ((109, 154)[column], (112, 157)[column]):  # its group, its session
        assert _judge(steps, architecture, number, 0, 0) == errno.EPERM
    for allowed in ((0, 63), (1, 64), (9, 222), (257, 56), (202, 98), (186, 178)):  # read, write, mmap, openat, futex
        assert _judge(steps, architecture, allowed[column]) == 0
    assert _judge(steps, architecture ^ 1, 0) == errno.EPERM
    net = seccomp.steps(machine, 1234, (2, 10), connecting=True, programs=True)
    for family, expected in ((1, errno.EPERM), (2, 0), (10, 0), (16, errno.EPERM)):
        assert _judge(net, architecture, (41, 198)[column], family) == expected
    assert _judge(net, architecture, (59, 221)[column]) == 0


def test_numbers_of_calls() -> None:
    """Each call of the list has the number of the system's own header."""
    header = Path("/usr/include/asm-generic/unistd.h")
    if not header.exists():
        pytest.skip("the kernel's headers are missing: apt install linux-libc-dev")
    known = dict(line.split()[1:3] for line in header.read_text().splitlines() if line.startswith("#define __NR"))
    numbers = {name.removeprefix("__NR3264_").removeprefix("__NR_"): number for name, number in known.items()}
    lists = [*seccomp._REFUSED.values(), seccomp._RIGHTS, seccomp._OF_FILES, seccomp._PROGRAMS, seccomp._SERVING]
    lists += [seccomp._SENDING, seccomp._TO_OURSELVES, seccomp._PRLIMIT]
    singles = [seccomp._SENDTO, seccomp._CONNECT, seccomp._SOCKET, seccomp._SOCKETPAIR, seccomp._CLONE, seccomp._CLONE3]
    rows = [row.split() for row in ", ".join((*lists, *singles)).split(", ")]
    assert len(rows) > 110
    for name, _, *arm in rows:
        assert arm == ([numbers[name]] if numbers.get(name, "").isdigit() else arm[:1] if name == "truncate" else [])


def test_the_root_is_no_place_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty entry of a path of packages or libraries, a worker's working folder, opens no files to it."""
    monkeypatch.setattr(sys, "path", ["", ".", "/", "//", "lib", "/packages"])
    monkeypatch.setenv("LD_LIBRARY_PATH", ":.:/libraries:")
    found = set(map(str, confinement.program()))
    assert {"/packages", "/libraries"} < found
    assert not {"", ".", "/", "//", "lib"} & found
