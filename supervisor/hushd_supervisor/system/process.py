"""Child processes: their environment, their start, and their end together with all their descendants."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import PathFinder
from typing import Any, Protocol

from hushd_protocol.names import base
from hushd_protocol.system.footprint import cores
from hushd_protocol.system.lifeline import tie
from hushd_protocol.system.process_tree import kill_tree

# The variables of our environment that a child gets: a worker must not depend on which program started the supervisor.
# LISTEN_FDS and NOTIFY_SOCKET, which a service manager sets for us alone, are left out like all others.
NAMES = (
    "HOME", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
    "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LOGNAME", "PATH", "REQUESTS_CA_BUNDLE", "SHELL",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "TEMP", "TMP", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
)  # fmt: skip
PREFIXES = (
    "CT2_", "CUDA_", "GGML_", "HF_", "HIBARI_", "HIP_", "HUGGINGFACE_", "HUSHD_", "KMP_", "LC_", "MKL_", "MALLOC_",
    "NUMBA_", "NVIDIA_", "OMP_", "OPENBLAS_", "ORT_", "PYTHON", "PYTORCH_", "ROCR_", "TORCH_", "TRANSFORMERS_", "VK_",
    "XDG_",
)  # fmt: skip

# The user's own variables come first. These say: no telemetry, since onnxruntime 1.31 reports to its maker from every
# process; no bars of tqdm, of which chatterbox wrote 106 to the log for 2 s of speech; one heap of glibc's for all
# threads: faster-whisper/base, which reads two pieces at once, took 343 MB instead of 506; and one thread for numpy's
# products, all small: where cores were shared, the features of 8 s of speech took 13 ms instead of 50.
DEFAULTS = {
    "DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1",
    "ORT_DISABLE_TELEMETRY": "1", "TQDM_DISABLE": "1",
}  # fmt: skip


class Process(Protocol):
    """A child process; tests use a fake one.
    `exit_fd`: a descriptor that becomes readable at the exit; None if only SIGCHLD reports it."""

    pid: int
    exit_fd: int | None

    def poll(self) -> int | None:
        """Reaps it and kills the rest of its group; returns its status as Popen does, None while it runs."""

    def kill(self) -> None:
        """Sends SIGKILL to it, its group and its descendants; returns at once."""

    def close(self) -> None:
        """Closes its descriptors, after its exit."""


Launch = Callable[..., Process]


def environment(inherited: Mapping[str, str], *added: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a child: `DEFAULTS`, then the allowed part of `inherited`, then `added`."""
    variables = DEFAULTS | {n: v for n, v in inherited.items() if n in NAMES or n in DEFAULTS or n.startswith(PREFIXES)}
    for addition in added:
        variables |= addition
    return variables


def worker_environment(name: str, inherited: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables by which worker `name` computes, unless the user's own say otherwise.

    Its heap has huge pages (glibc 2.35) where the kernel gives them to who asks. With faster-whisper/base four minutes
    of speech took 36,000 page faults instead of 860,000, and 0.92 of the processor time, in the same memory.

    A voice's second process has half of the threads, since it speaks beside the first alone. For two and four programs
    on two cores Kokoro was done after 0.84 and 0.89 of the time, and piper took 0.92 of the processor.
    """
    variables = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    if name.startswith("tts/") and name != base(name):
        variables["OMP_NUM_THREADS"] = str(max(1, cores() // 2))
    return variables | {n: inherited[n] for n in variables if n in inherited}


def compute_environment(device: str, inherited: Mapping[str, str], card: str = "", why: str = "") -> dict[str, str]:
    """Returns the variables that show a worker one device and hide all other cards, so that it opens none of them.

    A number counts the cards that `inherited` lets us see, in the order of their places on the bus. Libraries for ROCm
    call their cards `cuda`, too, so that device shows both, unless one of NVIDIA's was chosen.

    Args:
        device: the requested device; with `auto` the engine may use the CPU even if it is shown a card.
        card: the card chosen for the worker, such as `cuda:1`; empty for none.
        why: the reason for the CPU, which the worker's results report.
    """
    kind, _, number = (card or device).partition(":")
    if kind == "auto":
        return {}
    variables = {"HUSHD_COMPUTE_DEVICE": device, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if why:
        variables["HUSHD_WHY_THERE"] = why
    hip = () if card else ("cuda", "rocm")
    for name, kinds in (("CUDA_VISIBLE_DEVICES", ("cuda",)), ("HIP_VISIBLE_DEVICES", hip)):
        cards = [card.strip() for card in inherited.get(name, "").split(",") if card.strip()]
        if kind not in kinds:
            variables[name] = "-1"
        elif number:
            variables[name] = number if not cards else cards[int(number)] if int(number) < len(cards) else "-1"
    return variables


def worker_command(name: str, program: Sequence[str] = ()) -> list[str]:
    """Returns the command line of worker `name` (role/engine/model); `program` is the user's instead of hushd's."""
    role, engine, model = base(name).split("/", 2)
    return [*(program or _program(role)), "--engine", engine, "--model", model]


def is_here(role: str) -> bool:
    """Returns whether this installation has the workers of a role: a guest's may be missing."""
    return PathFinder.find_spec(f"hushd_worker_{role}") is not None


def describe_command(role: str) -> list[str]:
    """Returns the command line that prints the engines of `role`."""
    return [*_program(role), "--describe"]


def _program(role: str) -> list[str]:
    return [sys.executable, "-P", "-m", f"hushd_worker_{role}"]


class Limits:
    """The resource limits of this process and its children.

    The limit of open files is raised to its maximum, since every client costs one file; children get the old limit
    back, since programs that use select() break beyond 1024. Core dumps are off: a worker's takes gigabytes, and ours
    contains people's speech. A user's own program may allow itself one again.
    """

    def __init__(self) -> None:
        self._soft, self._hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._raise()
        _, max_core = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (0, max_core))

    def _raise(self) -> None:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._hard, self._hard))
        except (OSError, ValueError):
            pass  # macOS reports "unlimited" and does not accept it

    def launch(self, command: Sequence[str], environment: Mapping[str, str], **descriptors: Any) -> Process:
        """Starts a `Child` with the old limit of open files."""
        limits = (self._soft, self._hard)
        if sys.platform == "linux":
            child = Child(command, environment, **descriptors)
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


def open_files() -> int:
    """Returns the number of open files that this process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class Child:
    """A real child process that leads its own process group.
    Raises OSError or ValueError if the process cannot be started.

    Args:
        stdin: a descriptor to read from; None for empty input.
        stdout, stderr: descriptors to write to.
        lifeline: the read end of a pipe, inherited under the same number; on Linux the end of the pipe kills the group.
        inherited: other descriptors that it inherits under the same numbers.
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
        # Never use preexec_fn: this process has libzmq's threads.
        self._popen = subprocess.Popen(
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
        self.pid = self._popen.pid
        if lifeline is not None and sys.platform == "linux":
            tie(lifeline, self.pid)
        try:
            self.exit_fd = os.pidfd_open(self.pid) if sys.platform == "linux" else None
        except OSError:  # no descriptor is left
            self._popen.kill()
            self._popen.wait()
            raise

    def poll(self) -> int | None:
        if self._popen.returncode is None:
            if sys.platform == "linux":
                if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                    return None
                self._kill_group()  # the kill comes before the reaping, while no other group can have its number
                self._popen.poll()
            elif self._popen.poll() is not None:
                self._kill_group()
        return self._popen.returncode

    def kill(self) -> None:
        if self._popen.returncode is not None:
            return
        kill_tree(self.pid)
        self._kill_group()  # with what was started meanwhile

    def close(self) -> None:
        if self.exit_fd is not None:
            os.close(self.exit_fd)
            self.exit_fd = None

    def _kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # macOS returns EPERM for a group of zombies
