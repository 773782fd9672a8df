"""The share of a worker's process, by its engine's spec: it gives up all else before it imports the engine.

It reads the interpreter, the system's libraries and models, writes a temporary folder of its own, and keeps the sockets
that it has: no other file, no network, no program, no other process. A recording comes as an open descriptor, and what
the user's own lists say with a request. So whoever takes over a decoder by a damaged file has that one process, and the
job on it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from importlib.util import find_spec
from pathlib import Path

from hushd_models import hf_cache
from hushd_protocol.errors import HushdError, reason
from hushd_protocol.system import landlock, paths, seccomp, temporary_folders
from hushd_protocol.system.paths import user_cache
from hushd_schema import engines
from hushd_schema.engines import EngineSpec

from . import errors

VARIABLE = "HUSHD_CONFINE"  # `[security] confine`, from the supervisor
_SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc", "/opt", "/nix/store", "/gnu/store", "/run/opengl-driver",
    "/run/current-system", "/sys",
)  # fmt: skip
# Files of /proc that say nothing about other processes, whose environment has secrets.
_PROC = tuple(
    f"/proc/{name}"
    for name in ("self", "cpuinfo", "devices", "driver", "filesystems", "loadavg", "meminfo", "stat", "sys", "uptime")
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_CARDS = ("/dev/nvidia*", "/dev/dri", "/dev/kfd", "/dev/dxg")
# Folders of what drivers of cards have compiled; only a folder that the user has named gets more.
_COMPILED = ("~/.nv/ComputeCache", "~/.cache/mesa_shader_cache", "~/.cache/mesa_shader_cache_db")
# Folders to which /etc/resolv.conf leads.
_RESOLVER = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager")
_LAST_PACKAGE = "zmq"  # last of the packages that are always there, by name: it is compiled last
_COMPILE = "import compileall, os, sys; os.nice(19); compileall.compile_dir(sys.argv[1], quiet=2)"


@dataclass(frozen=True, slots=True)
class Share:
    """The things that a process keeps.

    Attributes:
        readable, writable, devices: files and folders, as `landlock.restrict` takes them.
        internet: whether it connects to other machines.
        programs: whether it starts programs, which have the same share.
        local: whether it makes Unix sockets, as the driver of a card does, though none is connected.
        before: called before all else is given up.
    """

    readable: Sequence[str | Path]
    writable: Sequence[str | Path] = ()
    devices: Sequence[str | Path] = _DEVICES
    internet: bool = False
    programs: bool = False
    local: bool = False
    before: Callable[[], None] | None = None


def of_engine(role: str, name: str, *writable: str | Path) -> Share | None:
    """Returns the share of an engine's worker; None for programs and servers of the user's, and an engine without a
    spec. `writable`: more for it to write."""
    spec = engines.find(name, role)
    if spec is None or not spec.confined:
        return None
    cards = [card for pattern in _CARDS for card in glob(pattern)] if _may_use_cards(spec) else []
    known = paths.find()
    readable = [*program(), *_models(spec, known), *map(_expanded, spec.reads), *(_COMPILED if cards else ())]
    further = [*writable, *(path for path in map(_expanded, spec.writes) if path)]
    if role == "tts":
        with contextlib.suppress(OSError):
            known.loudness.mkdir(mode=0o700, parents=True, exist_ok=True)
        further.append(known.loudness)
    if cards and (compiled := os.environ.get("CUDA_CACHE_PATH")):
        further.append(compiled)

    def prepare() -> None:
        compile_packages((*spec.packages, _LAST_PACKAGE))
        if spec.prepare:
            spec.prepare()

    devices = (*_DEVICES, *cards)
    return Share([*filter(None, map(_expanded, readable))], further, devices, local=bool(cards), before=prepare)


def compile_packages(packages: Iterable[str]) -> None:
    """Starts what compiles all packages beside one of these that is not compiled, as no confined worker can: some
    installers leave that to the first import (`uv`), which then took as long at every start."""
    missing = set(filter(None, map(_uncompiled_folder, packages)))
    for folder in (folder for folder in missing if os.access(folder, os.W_OK)):
        os.posix_spawn(sys.executable, [sys.executable, "-P", "-c", _COMPILE, folder], os.environ)


def _uncompiled_folder(package: str) -> str:
    """Returns the folder of a package that has no bytecode; empty if it has."""
    spec = find_spec(package)
    if sys.dont_write_bytecode or not (spec and spec.origin and spec.cached) or os.path.exists(spec.cached):
        return ""
    return os.path.dirname(os.path.dirname(spec.origin)) if spec.submodule_search_locations else ""


def of_models() -> Share:
    """Returns the share of the worker for models: the network, its folders, and the programs by which it compares
    models; of the user's, the configuration and the hub's token."""
    known, hub = paths.find(), hf_cache.cache()
    for folder in (known.models, hub):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
    caches = (user_cache() / spec.cache for spec in engines.every() if spec.cache)
    trusted = filter(None, map(os.environ.get, ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")))
    readable = [*program(), *_RESOLVER, *caches, *trusted, hf_cache.token(), known.config]
    return Share(readable, (known.models, hub), internet=True, programs=True)


def program() -> Iterator[str | Path]:
    """Yields what every program of hushd's reads: the interpreter, packages, and the system's libraries and figures."""
    yield from (*_SYSTEM, *_PROC, sys.prefix, sys.base_prefix, sys.exec_prefix)
    # An empty entry is the working folder: a worker's is the root, where all files are.
    for entry in (*sys.path, *os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)):
        if os.path.isabs(entry) and os.path.realpath(entry) != "/":
            yield entry


class Confinement:
    """The confinement of this process, by its share: the files while it has one thread, the rest once it is connected.

    Attributes:
        share: None if nothing is given up.
        works: whether the process is confined, by both; known after `close_calls`.
    """

    def __init__(self, share: Share | None) -> None:
        self.share = None if os.environ.get(VARIABLE) == "off" else share
        self.works = False
        self._missing = missing_parts() if self.share else ""

    def close_files(self) -> None:
        """Gives up all files but those of the share, and has temporary ones go to a folder of its own, while the
        process has one thread."""
        if not (share := self.share) or self._is_refused():
            return
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not landlock.version():
            return
        try:
            folder = temporary_folders.make(os.environ.pop("HUSHD_TEMPORARY", "") or temporary_folders.new())
            if share.before:
                share.before()
            os.environ.update(dict.fromkeys(("TMPDIR", "TEMP", "TMP"), folder))
            os.environ.setdefault("NUMBA_CACHE_DIR", folder)  # numba fails without a writable cache
            if used := sys.modules.get("tempfile"):
                vars(used)["tempdir"] = folder
            sys.dont_write_bytecode = True
            writable = (*share.writable, folder)
            landlock.restrict(share.readable, writable, share.devices, tcp=share.internet, programs=share.programs)
        except OSError as error:
            self._missing = f"its files cannot be given up ({reason(error)})"

    def close_calls(self) -> None:
        """Gives up the system calls that a worker has no use for, in all threads, once it is connected.
        Raises `engine_missing` if confinement is required, and this process is not confined."""
        if (share := self.share) and seccomp.available() and not self._is_refused():
            inet = (socket.AF_INET, socket.AF_INET6) if share.internet else ()
            families = (*inet, *((socket.AF_UNIX,) if share.local else ()))
            try:
                seccomp.restrict(families, connecting=share.internet, serving=share.local, programs=share.programs)
            except OSError as error:
                self._missing = f"the kernel does not limit its calls ({reason(error)})"
        if self._is_refused():
            remedy = 'use a system that confines it, or set confine = "auto"'
            raise HushdError("engine_missing", f'[security] confine = "required", and {self._missing}: {remedy}.')
        self.works = bool(share) and not self._missing
        errors.confined = self.works
        if share and self._missing:
            print(f"This worker is not confined: {self._missing}.")

    def _is_refused(self) -> bool:
        return bool(self._missing) and os.environ.get(VARIABLE) == "required"


def missing_parts() -> str:
    """Returns what keeps this system from confining a process, as a clause; empty for nothing."""
    if not landlock.version():
        return "this kernel has no Landlock, or a container forbids it"
    return "" if seccomp.available() else "this system has no seccomp that hushd knows"


def _may_use_cards(spec: EngineSpec) -> bool:
    return bool(spec.cards) and os.environ.get("HUSHD_COMPUTE_DEVICE", "auto") != "cpu"


def _models(spec: EngineSpec, known: paths.Paths) -> Iterator[str | Path]:
    """Yields where models are: hushd's folder, the hub's cache, the engine's own, and what links there lead to."""
    yield from (known.models, hf_cache.cache())
    yield from (user_cache() / name for name in (spec.cache, "hushd") if name)
    for pattern in ("*", "*/*", "*/*/*"):
        yield from (os.path.realpath(place) for place in glob(f"{known.models}/{pattern}") if os.path.islink(place))
    package = find_spec(spec.engine.partition(".")[0].partition(":")[0])
    if package and package.submodule_search_locations:
        yield from package.submodule_search_locations


def _expanded(path: str | Path) -> str:
    """Returns a path of a spec, with `~` and a variable of the environment; empty if that is not set."""
    path = os.path.expandvars(os.path.expanduser(path))
    return "" if "$" in path else path
