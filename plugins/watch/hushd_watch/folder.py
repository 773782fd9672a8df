"""The watched folder: which recordings in it have come or changed, and whether one is whole."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress

from hushd_protocol.errors import HushdError
from hushd_schema.sound_file import SUFFIXES

FOLDER_LOOK_S = 30.0  # seconds between looks at a folder whose changes send no events
# Beginnings of the types of file systems on which other machines change files without an event here.
_REMOTE = ("9p", "afs", "ceph", "cifs", "davfs", "fuse.", "lustre", "nfs", "prl_fs", "smb", "vboxsf", "virtiofs")

Signature = tuple[int, int]  # the size of a recording in bytes, and the time of its last change in ns


def silent_file_system(path: str) -> str:
    """Returns the type of a path's file system where not every change sends an event, such as `nfs4`; else nothing."""
    if sys.platform != "linux":
        return sys.platform
    device = os.stat(path).st_dev
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        mounts = {number: rest[rest.index("-") + 1] for _, _, number, *rest in map(str.split, file)}
    kind = mounts.get(f"{os.major(device)}:{os.minor(device)}", "")
    return kind if f"{kind}.".startswith(_REMOTE) else ""  # `fuse`, not `fuseblk`


def signature(path: str) -> Signature | None:
    """Returns the signature of a recording; None if it is gone, is empty, or is a folder or a device."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return (info.st_size, info.st_mtime_ns) if stat.S_ISREG(info.st_mode) and info.st_size else None


def is_written(path: str) -> bool:
    """Returns whether a program has a file open for writing: Linux then refuses a lease, of the user's own files."""
    try:
        with open(path, "rb") as file:
            if sys.platform == "linux":
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


class Folder:
    """A folder with those below it, but for hidden ones and links, which is looked at every `look_s`; None: by events.
    Raises `input_unreadable` if it cannot be watched."""

    def __init__(self, root: str, look_s: float | None) -> None:
        self.root, self.look_s = root, look_s
        self._seen: dict[str, Signature | None] = {}
        self._folders: dict[int, str] = {}
        self.events = None
        if not look_s:
            import inotify_simple  # imported on Linux alone, which has it

            self._flags = flags = inotify_simple.flags
            self.events = inotify_simple.INotify()
            # A folder that a process still holds has no event of its own when it is removed.
            above, self._name = os.path.split(os.path.realpath(root))
            with suppress(PermissionError):
                self.events.add_watch(above, flags.DELETE | flags.MOVED_FROM)

    def changes(self) -> Iterator[str]:
        """Yields the paths of recordings that may be new: by the events since the last call, or by a look, all that
        were the same at the last one."""
        if self.events is None:
            before, self._seen = self._seen, {path: signature(path) for path in self.scan()}
            yield from (path for path, found in self._seen.items() if before.get(path, ...) == found)
            return
        flags = self._flags
        for watch, mask, _, name in self.events.read(0):
            folder = self._folders.get(watch, "")  # empty: the one above
            path = os.path.join(folder, name)
            if mask & flags.Q_OVERFLOW:
                yield from self.scan()
            elif name == self._name if not folder else folder == self.root and mask & flags.UNMOUNT:
                raise self._lost(FileNotFoundError(errno.ENOENT, "it is gone"))
            elif folder and mask & flags.ISDIR and mask & (flags.CREATE | flags.MOVED_TO) and name[0] != ".":
                yield from self.scan(path)
            elif folder and _is_recording(name) and (not mask & flags.CREATE or _is_link(path)):
                yield path

    def scan(self, below: str = "") -> Iterator[str]:
        """Yields the paths of all recordings, or those in a folder `below`, which are watched from now on."""
        folders = [below or self.root]
        while folders:
            here = folders.pop()
            try:
                # Events are asked for first: what comes in between is seen twice rather than never.
                if self.events is not None:
                    mask = self._flags.CLOSE_WRITE | self._flags.MOVED_TO | self._flags.CREATE | self._flags.ONLYDIR
                    self._folders[self.events.add_watch(here, mask)] = here
                entries = sorted(os.scandir(here), key=lambda entry: entry.name)
            except OSError as error:
                if here == self.root or error.errno == errno.ENOSPC:
                    raise self._lost(error) from error
                continue  # it has just gone, or is another user's
            folders += (each.path for each in entries if each.is_dir(follow_symlinks=False) and each.name[0] != ".")
            yield from (each.path for each in entries if _is_recording(each.name))

    def _lost(self, error: OSError) -> HushdError:
        few = "too many folders: raise fs.inotify.max_user_watches, or give --poll"
        reason = few if error.errno == errno.ENOSPC else error.strerror
        return HushdError("input_unreadable", f"{self.root!r} cannot be watched ({reason}).")


def by_stem(folder: str) -> dict[str, list[str]]:
    """Returns the names of a folder's recordings by what stands before their endings."""
    names: dict[str, list[str]] = {}
    with suppress(OSError):  # it has just gone
        for name in filter(_is_recording, os.listdir(folder)):
            names.setdefault(os.path.splitext(name)[0], []).append(name)
    return names


def _is_recording(name: str) -> bool:
    """Returns whether a name is a recording's: not that of a hidden file, or of half a download."""
    return name[:1] != "." and os.path.splitext(name)[1].lower() in SUFFIXES


def _is_link(path: str) -> bool:
    """Returns whether a new file is a link, which nobody closes after writing."""
    return os.path.islink(path) or (os.path.exists(path) and os.stat(path).st_nlink > 1)
