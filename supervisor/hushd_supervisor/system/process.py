"""Child processes: their environment, their start, and the end of each with all that it started."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, Protocol

from hushd_protocol.cards import PLACE
from hushd_protocol.names import base
from hushd_protocol.system.footprint import children, descendants, lists_children
from hushd_protocol.system.lifeline import tie

from . import slices

if TYPE_CHECKING:
    import subprocess

# The part of our environment that a child gets: a worker must not depend on which program started the supervisor.
# LISTEN_FDS and NOTIFY_SOCKET, which a service manager means for us alone, are left out with all the rest.
NAMES = (
    "HOME", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LOGNAME", "PATH", "REQUESTS_CA_BUNDLE", "SHELL",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TEMP", "TMP", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
)  # fmt: skip
PREFIXES = (
    "CT2_", "CUDA_", "GGML_", "HF_", "HIBARI_", "HIP_", "HUGGINGFACE_", "HUSHD_", "KMP_", "LC_", "MKL_", "MALLOC_",
    "NUMBA_", "NVIDIA_", "OMP_", "OPENBLAS_", "ORT_", "PYTHON", "PYTORCH_", "ROCR_", "TORCH_", "TRANSFORMERS_", "XDG_",
)  # fmt: skip

# Switches telemetry off, unless the user's own variables switch it on: onnxruntime 1.31 reports to its maker, from
# every process, and what is said to hushd is nobody else's business. And tqdm's bars, which no log can show: chatterbox
# wrote 106 of them for two seconds of speech.
QUIET = {"DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "ORT_DISABLE_TELEMETRY": "1", "TQDM_DISABLE": "1"}


_HIP = ("cuda", "rocm")  # both are names of ROCm's cards, where hushd has not seen which they are
_PR_SET_CHILD_SUBREAPER = 36  # of prctl.h


class Process(Protocol):
    """A child process; tests pass another in place of a real one.

    Attributes:
        exit_fd: a descriptor that becomes readable at the exit; None where only SIGCHLD reports it.
    """

    pid: int
    exit_fd: int | None

    def poll(self) -> int | None:
        """Reaps it and kills the rest of its group; returns the status as in Popen, None while it runs."""

    def kill(self) -> None:
        """Sends SIGKILL to it, its group and its descendants; returns at once."""

    def close(self) -> None:
        """Closes its descriptors, after its exit."""


Launch = Callable[..., Process]


def environment(inherited: Mapping[str, str], *added: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: `QUIET`, then the allowed part of `inherited`, then `added`."""
    passed_on = QUIET | {n: v for n, v in inherited.items() if n in NAMES or n in QUIET or n.startswith(PREFIXES)}
    for more in added:
        passed_on |= more
    return passed_on


def compute_environment(
    device: str, inherited: Mapping[str, str], card: str = "", why: str = "", place: str = ""
) -> dict[str, str]:
    """Lets a worker see one device, and no other card: none is opened that it does not use.

    A number counts the cards that `inherited` lets us see, in the order of their places on the bus.

    Args:
        device: that is asked for; with `auto` the engine may use the CPU though it is shown a card.
        card: that was chosen for it, such as `cuda:1`; empty for none.
        why: the reason for the CPU, which the worker's results report.
        place: where the chosen card is on the bus: Vulkan, for which no variable hides any, goes by that.
    """
    kind, _, number = (card or device).partition(":")
    if kind == "auto":
        return {}
    shown = {"HUSHD_COMPUTE_DEVICE": device, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if why:
        shown["HUSHD_WHY_THERE"] = why
    if place:
        shown[PLACE] = place
    for name, kinds in (("CUDA_VISIBLE_DEVICES", ("cuda",)), ("HIP_VISIBLE_DEVICES", ("rocm",) if card else _HIP)):
        cards = [card.strip() for card in inherited.get(name, "").split(",") if card.strip()]
        if kind not in kinds:
            shown[name] = "-1"
        elif number:
            shown[name] = number if not cards else cards[int(number)] if int(number) < len(cards) else "-1"
    return shown


def worker_command(name: str, own: Sequence[str] = ()) -> list[str]:
    """The command line of worker `name` (role/engine/model); `own` is the user's program in place of hushd's."""
    role, engine, model = base(name).split("/", 2)
    return [*(own or _program(role)), "--engine", engine, "--model", model]


def template_command(name: str, own: Sequence[str] = ()) -> list[str]:
    """The command line of a template (role/engine, or role/engine/model), with room for that of a worker; `own`
    likewise."""
    role, engine, *model = name.split("/")
    return [
        *(own or _program(role)),
        "--engine",
        engine,
        *(["--model", *model] if model else []),
        "--standby",
        " " * 80,
    ]


def is_here(role: str) -> bool:
    """Returns whether this installation has the workers of a role: those of a guest may lack."""
    return PathFinder.find_spec(f"hushd_worker_{role}") is not None


def describe_command(role: str) -> list[str]:
    """The command line that prints the engines of `role`."""
    return [*_program(role), "--describe"]


def _program(role: str) -> list[str]:
    """hushd's own program for a role."""
    return [sys.executable, "-P", "-m", f"hushd_worker_{role}"]


_unreaped: set[int] = set()  # the pids of all that was started here


def adopt_orphans() -> None:
    """Linux only: from now on the orphans among our descendants become our children. Raises OSError."""
    import ctypes  # only where a template is wanted

    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap_orphans() -> None:
    """Reaps the adopted children that have ended, whose status nobody wants."""
    for child in children():
        if child not in _unreaped:
            try:
                os.waitpid(child, os.WNOHANG)
            except ChildProcessError:
                pass


class Limits:
    """The limits of this process and its children.

    That of open files is raised as far as it goes, since every client costs one; a child gets the old one back, since
    programs that use select() break beyond 1024. Neither leaves a core dump: one of a worker takes gigabytes, of ours
    it shows what was said to hushd. A program of the user's may allow itself one again.
    """

    def __init__(self) -> None:
        self._before, self._hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._raise()
        _, most = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, most))

    def _raise(self) -> None:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._hard, self._hard))
        except (OSError, ValueError):
            pass  # macOS reports "unlimited" and does not accept it

    def launch(self, command: Sequence[str], environment: Mapping[str, str], **descriptors: Any) -> Process:
        """Starts a child with the old limit; otherwise as `Child`."""
        limits = (self._before, self._hard)
        if sys.platform == "linux":
            child = Child(command, environment, **descriptors)
            slices.usual(child.pid)
            try:
                resource.prlimit(child.pid, resource.RLIMIT_NOFILE, limits)
            except OSError:
                pass  # it has exited already
            return child
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        try:
            return Child(command, environment, **descriptors)
        finally:
            self._raise()


class Child:
    """A real child process that leads its own process group.

    Args:
        command: program and arguments.
        environment: all of its environment.
        stdin: a descriptor to read from; None for nothing to read.
        stdout, stderr: descriptors to write to.
        lifeline: the read end of a pipe, which it inherits under the same number; on Linux the end of the pipe kills
            the group.
        inherited: other descriptors that it inherits under the same numbers.

    Raises:
        OSError, ValueError: it cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdout: int,
        stderr: int,
        stdin: int | None = None,
        lifeline: int | None = None,
        inherited: Sequence[int] = (),
    ) -> None:
        import subprocess  # 0.3 MB that only a supervisor with children needs

        # Never preexec_fn: this process has libzmq's threads.
        started = subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=inherited if lifeline is None else (lifeline, *inherited),
            close_fds=True,
            process_group=0,
        )
        self._watch(started, lifeline)

    def _watch(self, started: subprocess.Popen[bytes] | _Orphan, lifeline: int | None) -> None:
        """Ties a process that runs to its lifeline, and watches for its end."""
        self._popen = started
        self.pid = started.pid
        _unreaped.add(self.pid)
        if lifeline is not None and sys.platform == "linux":
            tie(lifeline, self.pid)
        try:
            self.exit_fd = os.pidfd_open(self.pid) if sys.platform == "linux" else None
        except OSError:  # no descriptor is left
            self._popen.kill()
            self._popen.wait()
            _unreaped.discard(self.pid)
            raise

    def poll(self) -> int | None:
        if self._popen.returncode is None:
            if sys.platform == "linux":
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    return None
                self._kill_group()  # until it is reaped, no other group can have its number
                self._popen.poll()
            elif self._popen.poll() is not None:
                self._kill_group()
            if self._popen.returncode is not None:
                _unreaped.discard(self.pid)
        return self._popen.returncode

    def kill(self) -> None:
        if self._popen.returncode is not None:
            return
        # A child that called setsid has left the group, and once its parent is dead its origin is lost.
        with ExitStack() as opened:
            left = _descendants(self.pid)
            pinned = {pid: descriptor for pid in left if (descriptor := _pin(pid, opened)) is not None}
            if pinned:
                left = _descendants(self.pid)  # those still are ours, and were when they were pinned
            self._kill_group()
            for pid in left:
                try:
                    if pid in pinned:
                        signal.pidfd_send_signal(pinned[pid], signal.SIGKILL)
                    else:
                        os.kill(pid, signal.SIGKILL)
                except (ProcessLookupError, PermissionError):
                    pass  # it was in the group

    def close(self) -> None:
        if self.exit_fd is not None:
            os.close(self.exit_fd)
            self.exit_fd = None

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # macOS returns EPERM for a group of zombies


def _pin(pid: int, opened: ExitStack) -> int | None:
    """Returns a descriptor of a process, which names it even after its number was given to another; None without."""
    if sys.platform != "linux":
        return None
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return None  # it has ended, or no descriptor is left
    opened.callback(os.close, descriptor)
    return descriptor


def _descendants(pid: int) -> list[int]:
    """The descendants of a child; on Linux by what the kernel lists of each, since all of /proc takes milliseconds."""
    if lists_children():
        return [int(name) for name in descendants(str(pid))]
    import psutil  # only here: it costs 1.6 MB

    try:
        return [process.pid for process in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


class Forked(Child):
    """A child process that a template has forked, and that already leads its own process group. Otherwise as `Child`.

    Raises:
        OSError: it is not our child, or no descriptor is left.
    """

    def __init__(self, pid: int, lifeline: int) -> None:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        self._watch(_Orphan(pid), lifeline)


class _Orphan:
    """An adopted child, with the part of Popen's face that `Child` uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self) -> int:
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def give_way(pid: int, nice: int) -> None:
    """Has a process that has only just been started give way to others; its threads and children do as it does."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, min(os.getpriority(os.PRIO_PROCESS, 0) + nice, 19))
    except OSError:
        pass  # it has exited already, and its status says why
