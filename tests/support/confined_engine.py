"""A worker that is confined as hushd's own, and then tries what its job names: the result has the error, or "done".

It reads the folder `model` of its command line besides what every program reads; `--landlock N` has it find a kernel
with that version of Landlock, 0 without. The job's `place` has what there is to
reach: `home`, `tmp`, `model` and `runtime` are folders, `pid` is a process of the same user, `port` listens on
loopback, `abstract` is an abstract socket's name.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hushd_protocol.system import landlock, seccomp
from hushd_schema.results import Capabilities
from hushd_worker import confinement, harness
from hushd_worker.job import Job
from hushd_worker.worker import BaseWorker

X86, ARM = 0, 1
COLUMN = X86 if os.uname().machine == "x86_64" else ARM
LIBC = ctypes.CDLL(None, use_errno=True)
_PTRACE_ATTACH, _CLONE_NEWUSER = 16, 0x10000000


class Place:
    """The places that the job names, as attributes."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.home, self.tmp = Path(known["home"]), Path(known["tmp"])
        self.model, self.runtime = Path(known["model"]), Path(known["runtime"])
        self.pid, self.port, self.abstract = known["pid"], known["port"], known["abstract"]


def call(x86: int, arm: int, *arguments: Any) -> Callable[[Place], object]:
    """Returns a function that calls the kernel by a number."""

    def made(_: Place) -> object:
        ctypes.set_errno(0)
        result = LIBC.syscall(ctypes.c_long((x86, arm)[COLUMN]), *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return result

    return made


def connect(family: int, kind: int, where: Callable[[Place], Any]) -> Callable[[Place], object]:
    def made(place: Place) -> object:
        with socket.socket(family, kind) as end:
            return end.connect(where(place))

    return made


def of_another(call_: Callable[[int], object]) -> Callable[[Place], object]:
    return lambda place: call_(place.pid)


def moved_over(place: Place) -> None:
    mine = Path(tempfile.gettempdir(), "mine")
    mine.write_bytes(b"mine")
    mine.replace(place.model / "weights")


def executable_memory(_: Place) -> None:
    descriptor = os.memfd_create("program")
    os.write(descriptor, Path("/bin/true").read_bytes())
    os.execve(descriptor, ["true"], {})


def clone(_: Place) -> None:
    if call(56, 220, signal.SIGCHLD, 0, 0, 0, 0)(_) == 0:
        os._exit(0)


def fork(_: Place) -> None:
    if os.fork() == 0:
        os._exit(0)


def command(number: int, argument: Callable[[Place], int]) -> Callable[[Place], object]:
    """Returns a function that gives the kernel a command for a pipe, by which it would signal a process."""

    def made(place: Place) -> object:
        reads, writes = os.pipe()
        try:
            return fcntl.fcntl(reads, number, argument(place))
        finally:
            os.close(reads)
            os.close(writes)

    return made


def owned_by(call_: Callable[[int, ctypes.Array[ctypes.c_int]], object]) -> Callable[[Place], object]:
    """Returns a function that calls for a socket, and the process that the kernel would signal for it."""

    def made(place: Place) -> object:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            return call_(ours.fileno(), (ctypes.c_int * 2)(0, place.pid))

    return made


def leased(place: Place) -> object:
    with open(place.model / "weights") as file:
        return fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)


def watched(place: Place) -> object:
    folder = os.open(place.model, os.O_RDONLY)
    return fcntl.fcntl(folder, fcntl.F_NOTIFY, fcntl.DN_MODIFY)


def in_its_group(place: Place) -> object:
    """Enters another process's group, where the kill of its own misses it."""
    return os.setpgid(0, os.getpgid(os.getppid()))


_INFO = (ctypes.c_int * 32)(signal.SIGKILL, 0, -1)  # siginfo of a signal that a process has queued
_F_SETSIG, _F_SETOWN_EX = 10, 15
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_SIGEV_THREAD_ID = 4


def timed(place: Place) -> object:
    event = (ctypes.c_int * 16)(0, 0, signal.SIGKILL, _SIGEV_THREAD_ID, place.pid)
    return call(222, 107, time.CLOCK_MONOTONIC, event, (ctypes.c_int * 2)())(place)


TRIES: dict[str, Callable[[Place], object]] = {
    # files
    "read a key": lambda at: (at.home / ".ssh/id").read_bytes(),
    "list the keys": lambda at: os.listdir(at.home / ".ssh"),
    "list the home": lambda at: os.listdir(at.home),
    "write .bashrc": lambda at: (at.home / ".bashrc").open("a"),
    "make a file at home": lambda at: (at.home / "new").touch(),
    "make a folder at home": lambda at: (at.home / "new").mkdir(),
    "make a link at home": lambda at: (at.home / "new").symlink_to("/"),
    "make a pipe at home": lambda at: os.mkfifo(at.home / "new"),
    "remove .bashrc": lambda at: (at.home / ".bashrc").unlink(),
    "rename .bashrc": lambda at: (at.home / ".bashrc").rename(at.home / "b"),
    "open .bashrc to all": lambda at: (at.home / ".bashrc").chmod(0o666),
    "age .bashrc": lambda at: os.utime(at.home / ".bashrc", (0, 0)),
    "cut .bashrc": lambda at: os.truncate(at.home / ".bashrc", 0),
    "cut .bashrc as it opens it": lambda at: os.open(at.home / ".bashrc", os.O_RDONLY | os.O_TRUNC),
    "cut .bashrc by an access of neither kind": lambda at: os.open(at.home / ".bashrc", os.O_ACCMODE | os.O_TRUNC),
    "cut its model as it opens it": lambda at: os.open(at.model / "weights", os.O_RDONLY | os.O_TRUNC),
    "cut its model by an access of neither kind": lambda at: os.open(at.model / "weights", os.O_ACCMODE | os.O_TRUNC),
    "cut its model by an open of another kind": lambda at: call(
        437, 437, -100, os.fsencode(at.model / "weights"), (ctypes.c_uint64 * 3)(os.O_TRUNC), 24
    )(at),
    "mark .bashrc": lambda at: os.setxattr(at.home / ".bashrc", "user.a", b"b"),
    "link a key to its own folder": lambda at: os.link(at.home / ".ssh/id", f"{tempfile.gettempdir()}/id"),
    "follow a link to a key": lambda at: _link(at.home / ".ssh/id").read_bytes(),
    "write its model": lambda at: (at.model / "weights").open("r+b"),
    "replace its model": moved_over,
    "add a file to its model": lambda at: (at.model / "more").touch(),
    "add a module to Python": lambda at: Path(sys.prefix, "hushd_new.pth").touch(),
    "write into the temporary folder": lambda at: (at.tmp / "new").touch(),
    "read another's temporary file": lambda at: (at.tmp / "others").read_bytes(),
    "read another's shared memory": lambda at: Path("/dev/shm", at.abstract).read_bytes(),
    "make shared memory": lambda at: Path("/dev/shm", f"{at.abstract}-new").touch(),
    "write its log by its name": lambda at: os.open("/proc/self/fd/2", os.O_WRONLY),
    "read the supervisor's log": lambda at: (at.runtime / "supervisor.log").read_bytes(),
    "watch a folder": call(254, 27, 0, b"/", 1),
    # the network, and sockets
    "reach loopback by TCP": connect(socket.AF_INET, socket.SOCK_STREAM, lambda at: ("127.0.0.1", at.port)),
    "reach loopback by UDP": connect(socket.AF_INET, socket.SOCK_DGRAM, lambda at: ("127.0.0.1", at.port)),
    "reach another machine": connect(socket.AF_INET, socket.SOCK_STREAM, lambda at: ("192.0.2.1", 443)),
    "reach another machine by IPv6": connect(socket.AF_INET6, socket.SOCK_STREAM, lambda at: ("2001:db8::1", 443)),
    "send packets of its own": lambda at: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),
    "ask the kernel for the network": lambda at: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "listen": lambda at: socket.create_server(("127.0.0.1", 0)),
    "reach an abstract socket": connect(socket.AF_UNIX, socket.SOCK_STREAM, lambda at: f"\0{at.abstract}"),
    "reach a socket": connect(socket.AF_UNIX, socket.SOCK_STREAM, lambda at: str(at.runtime / "other.sock")),
    "become a client": connect(socket.AF_UNIX, socket.SOCK_STREAM, lambda at: str(at.runtime / "client.sock")),
    "send datagrams": lambda at: socket.socketpair(type=socket.SOCK_DGRAM),
    # programs and processes
    "start a program": lambda at: os.execv("/bin/true", ["true"]),
    "start a program beside itself": lambda at: os.posix_spawn("/bin/true", ["true"], {}),
    "start a program of its own making": executable_memory,
    "fork": fork,
    "clone": clone,
    "end its parent": lambda at: os.kill(os.getppid(), 0),
    "end another process": of_another(lambda pid: os.kill(pid, signal.SIGKILL)),
    "end its group": lambda at: os.killpg(0, 0),
    "end all": lambda at: os.kill(-1, 0),
    "end another by its thread": lambda at: call(200, 130, at.pid, signal.SIGKILL)(at),
    "end another by process and thread": lambda at: call(234, 131, at.pid, at.pid, signal.SIGKILL)(at),
    "end another by a queued signal": lambda at: call(129, 138, at.pid, signal.SIGKILL, _INFO)(at),
    "end a thread by a queued signal": lambda at: call(297, 240, at.pid, at.pid, signal.SIGKILL, _INFO)(at),
    "end another by a descriptor": lambda at: call(424, 424, -1, signal.SIGKILL, None, 0)(at),
    "end another by a timer": timed,
    "have another process ended": command(fcntl.F_SETOWN, lambda at: at.pid),
    "have a group ended": command(fcntl.F_SETOWN, lambda at: -os.getpgid(at.pid)),
    "choose the kernel's signal": command(_F_SETSIG, lambda at: signal.SIGKILL),
    "have the owner of a socket ended": owned_by(lambda end, who: call(72, 25, end, _F_SETOWN_EX, who)(who)),
    "own a socket for another": owned_by(lambda end, who: call(16, 29, end, _FIOSETOWN, ctypes.byref(who, 4))(who)),
    "own one by its other name": owned_by(lambda end, who: call(16, 29, end, _SIOCSPGRP, ctypes.byref(who, 4))(who)),
    "hide its commands in high bits": owned_by(
        lambda end, who: call(16, 29, end, ctypes.c_ulong(1 << 32 | _FIOSETOWN), ctypes.byref(who, 4))(who)
    ),
    "leave its group": in_its_group,
    "leave its session": lambda at: os.setsid(),
    "write another's memory": lambda at: call(311, 271, at.pid, 0, 0, 0, 0, 0)(at),
    "have others wait for it": leased,
    "be told of changes": watched,
    "hold another process": of_another(lambda pid: os.pidfd_open(pid)),
    "read another's environment": of_another(lambda pid: Path(f"/proc/{pid}/environ").read_bytes()),
    "read another's memory by name": of_another(lambda pid: Path(f"/proc/{pid}/mem").read_bytes()),
    "trace another": lambda at: call(101, 117, _PTRACE_ATTACH, at.pid, 0, 0)(at),
    "read another's memory": lambda at: call(310, 270, at.pid, 0, 0, 0, 0, 0)(at),
    "limit another": of_another(lambda pid: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0))),
    "have its core dumped": lambda at: resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20)),
    # the kernel
    "load a program into the kernel": call(321, 280, 0, 0, 0),
    "watch the kernel": call(298, 241, 0, 0, -1, -1, 0),
    "use io_uring": call(425, 425, 1, 0),
    "handle its own page faults": call(323, 282, 0),
    "use keys": call(250, 219, 0, -3, 0),
    "have a namespace": call(272, 97, _CLONE_NEWUSER),
    "enter a namespace": call(308, 268, 0, 0),
    "mount": call(165, 40, b"none", b"/", b"tmpfs", 0, 0),
    "have another root": lambda at: os.chroot("/"),
    "share memory by number": call(29, 194, 0, mmap.PAGESIZE, 0o1600),
    "make a queue": call(240, 180, b"hushd", os.O_CREAT | os.O_RDWR, 0o600, 0),
    "open a file by its number": call(304, 265, -100, 0, 0),
    "use what is newer": call(457, 457, 0, 0, 0, 0),
}


def _link(target: Path) -> Path:
    link = Path(tempfile.gettempdir(), "link")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    return link


def works(job: Job) -> dict[str, object]:
    """Does all that an engine needs; returns each outcome."""
    file = Path(tempfile.gettempdir(), "a")
    file.write_bytes(b"mine")
    file.rename(file.with_name("b"))
    with tempfile.TemporaryFile() as unnamed:
        unnamed.write(b"1")
    threading.Thread(target=time.monotonic).start()
    ends = socket.socketpair()
    ends[0].send(b"here")
    open(os.devnull, "w").close()
    with job.open_file() as sound:
        heard = sound.read()
        os.fchmod(sound.fileno(), 0o777)
        rewritten = _error(lambda: os.open(f"/proc/self/fd/{sound.fileno()}", os.O_RDWR))
    return {
        "weights": Path(sys.argv[1], "weights").read_bytes(),
        "own": file.with_name("b").read_bytes(),
        "pair": ends[1].recv(9),
        "memory": "VmRSS" in Path("/proc/self/status").read_text(),
        "cores": len(os.sched_getaffinity(0)) > 0,
        "core limit": resource.getrlimit(resource.RLIMIT_CORE)[1],
        "places": [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP", "NUMBA_CACHE_DIR")],
        "compiles": not sys.dont_write_bytecode,
        "sound": heard,
        "sound, changed": rewritten,
    }


def _error(attempt: Callable[[], object]) -> int:
    try:
        attempt()
    except OSError as error:
        return error.errno or 0
    return 0


class Confined(BaseWorker):
    def load(self, report: Callable[[str], None]) -> Capabilities:
        return Capabilities(engine="confined")

    def run(self, job: Job) -> dict[str, Any]:
        if job.op == "works":
            return works(job)
        if job.op == "want":
            Path(job.params["path"]).read_bytes()
        try:
            TRIES[job.op](Place(job.params))
        except (OSError, ValueError) as error:  # Python's error for a limit
            return {"error": error.errno if isinstance(error, OSError) else errno.EPERM}
        return {"error": 0}


if __name__ == "__main__":
    if "--landlock" in sys.argv:
        found = int(sys.argv[sys.argv.index("--landlock") + 1])
        landlock.version = lambda: found
    assert seccomp.available()
    tempfile.gettempdir()  # a library may have asked while it was imported
    harness.serve(Confined(), confinement.Share([*confinement.program(), sys.argv[1]]))
