"""Has the kernel refuse system calls to this process that a program which only computes has no use for: seccomp.

https://docs.kernel.org/userspace-api/seccomp_filter.html. A refused call fails with EPERM, so that a library which asks
in vain goes on, or says so; one that is newer than this list does not exist for the process. A filter is inherited by
children and cannot be lifted.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Sequence

from .landlock import libc, no_new_privileges

# The calls that are always refused, by what they would reach: their numbers on x86-64, and on aarch64 unless it has
# none (Linux's asm/unistd_64.h and asm-generic/unistd.h).
_REFUSED = {
    "other processes": (
        "ptrace 101 117, process_vm_readv 310 270, process_vm_writev 311 271, kcmp 312 272, pidfd_open 434 434, "
        "pidfd_getfd 438 438, pidfd_send_signal 424 424, process_madvise 440 440, process_mrelease 448 448, "
        "rt_sigqueueinfo 129 138, rt_tgsigqueueinfo 297 240, tkill 200 130, migrate_pages 256 238, move_pages 279 239, "
        "setrlimit 160 164"
    ),
    "messages": (
        "shmget 29 194, shmat 30 196, shmctl 31 195, semget 64 190, semop 65 193, semtimedop 220 192, semctl 66 191, "
        "msgget 68 186, msgsnd 69 189, msgrcv 70 188, msgctl 71 187, mq_open 240 180, mq_unlink 241 181"
    ),
    "the kernel": (
        "bpf 321 280, perf_event_open 298 241, io_uring_setup 425 425, io_uring_enter 426 426, "
        "io_uring_register 427 427, keyctl 250 219, add_key 248 217, request_key 249 218, userfaultfd 323 282, "
        "memfd_secret 447 447, init_module 175 105, finit_module 313 273, delete_module 176 106, kexec_load 246 104, "
        "kexec_file_load 320 294, modify_ldt 154, uselib 134, iopl 172, ioperm 173, syslog 103 116"
    ),
    "the machine": (
        "mount 165 40, umount2 166 39, move_mount 429 429, open_tree 428 428, fsopen 430 430, fsconfig 431 431, "
        "fsmount 432 432, fspick 433 433, mount_setattr 442 442, pivot_root 155 41, chroot 161 51, unshare 272 97, "
        "setns 308 268, reboot 169 142, swapon 167 224, swapoff 168 225, acct 163 89, quotactl 179 60, "
        "quotactl_fd 443 443, sethostname 170 161, setdomainname 171 162, settimeofday 164 170, "
        "clock_settime 227 112, adjtimex 159 171, clock_adjtime 305 266, vhangup 153 58"
    ),
}
# Landlock leaves these alone. To change rights does nothing, and succeeds, since whoever copies a file does that, too.
_RIGHTS = "chmod 90, fchmod 91 52, fchmodat 268 53"
_OF_FILES = (
    "chown 92, fchown 93 55, lchown 94, fchownat 260 54, utime 132, utimes 235, futimesat 261, utimensat 280 88, "
    "setxattr 188 5, lsetxattr 189 6, fsetxattr 190 7, removexattr 197 14, lremovexattr 198 15, fremovexattr 199 16, "
    "truncate 76 45, mknod 133, mknodat 259 33, name_to_handle_at 303 264, open_by_handle_at 304 265, "
    "inotify_add_watch 254 27, fanotify_init 300 262, fanotify_mark 301 263"
)
# Calls that open a file, with the place of their flags. Those of the last one are in memory, where no filter looks.
_OPENS, _OPENAT2 = {"open 2": 1, "openat 257 56": 2}, "openat2 437 437"
_WRONLY, _RDWR, _TRUNC = 0x1, 0x2, 0x200
# A process that left its group would outlive the kills of the group, those of its lifeline among them.
_PROGRAMS = "execve 59 221, execveat 322 281, fork 57, vfork 58, setpgid 109 154, setsid 112 157"
_SERVING = "bind 49 200, listen 50 201, accept 43 202, accept4 288 242"
_SENDING, _SENDTO, _CONNECT = "sendmsg 46 211, sendmmsg 307 269", "sendto 44 206", "connect 42 203"
_SOCKET, _SOCKETPAIR = "socket 41 198", "socketpair 53 199"
_CLONE, _CLONE3, _PRLIMIT = "clone 56 220", "clone3 435 435", "prlimit64 302 261"
_TO_OURSELVES = "kill 62 129, tgkill 234 131"  # calls whose first argument names a process
# Commands by which the kernel sends signals to any process, and by which others wait for this one: F_SETOWN, F_SETSIG,
# F_SETOWN_EX, F_SETLEASE and F_NOTIFY; FIOSETOWN and SIOCSPGRP.
_COMMANDS = {"fcntl 72 25": (8, 10, 15, 1024, 1026), "ioctl 16 29": (0x8901, 0x8902)}

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # the column above, and audit.h's number
_NEWER = 452  # the first call that is newer than those looked at here (fchmodat2, of Linux 6.6)
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # instructions of a filter's machine
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # places in what it looks at
_SET_FILTER, _ALL_THREADS = 1, 1
_GET_SECCOMP = 21  # option of prctl, which fails without seccomp
_CALL = {"x86_64": 317, "aarch64": 277}
_THREAD = 0x10000  # CLONE_THREAD
_STREAMS = (0x1, 0x801, 0x80001, 0x80801)  # SOCK_STREAM, with SOCK_NONBLOCK and SOCK_CLOEXEC

Step = tuple[int, int, int, int]


def available() -> bool:
    """Returns whether this system has filters for the calls of all threads, and this module knows its calls."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES or sys.maxsize < 2**32:
        return False
    return int(libc().prctl(_GET_SECCOMP, 0, 0, 0, 0)) >= 0


def restrict(
    families: Sequence[int] = (),
    *,
    connecting: bool = False,
    serving: bool = False,
    programs: bool = False,
    rights: bool = False,
) -> None:
    """Restricts all threads of this process, and all that they start. Raises OSError if the kernel refuses.

    Args:
        families: of the sockets that may be made, such as `socket.AF_INET`.
        connecting: whether those may be connected, or else send to an address.
        serving: whether sockets may accept connections.
        programs: whether other programs may be started.
        rights: whether those of files may be changed.
    """
    no_new_privileges()
    machine = platform.machine()
    allowed = {"connecting": connecting, "serving": serving, "programs": programs, "rights": rights}
    made = steps(machine, os.getpid(), families, **allowed)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in made))
    numbers = map(ctypes.c_long, (_CALL[machine], _SET_FILTER, _ALL_THREADS))
    if libc().syscall(*numbers, struct.pack("@HP", len(made), ctypes.addressof(code))):
        raise OSError(ctypes.get_errno(), "seccomp")


def steps(
    machine: str,
    process: int,
    families: Sequence[int] = (),
    *,
    connecting: bool = False,
    serving: bool = False,
    programs: bool = False,
    rights: bool = False,
) -> list[Step]:
    """Returns the filter of a process on a machine: what `restrict` has the kernel run for each call."""
    column, architecture = _ARCHITECTURES[machine]

    def numbers(calls: str) -> list[int]:
        rows = (row.split()[1:] for row in calls.split(", "))
        return [int(row[column]) for row in rows if column < len(row)]

    refused = [number for calls in _REFUSED.values() for number in numbers(calls)]
    made: list[Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 1, 0, architecture), _refusal(errno.EPERM),
        (_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _NEWER), _refusal(errno.ENOSYS),
    ]  # fmt: skip
    if not rights:
        refused += numbers(_OF_FILES)
        for number in numbers(_RIGHTS):
            made += [(_EQUAL, 0, 1, number), _refusal(0)]
        for call, place in _OPENS.items():
            for number in numbers(call):
                made += _unless_it_cuts(number, place)
        made += [(_EQUAL, 0, 1, numbers(_OPENAT2)[0]), _refusal(errno.ENOSYS)]
    if not programs:
        refused += numbers(_PROGRAMS)
        # A new thread is a clone, too. The flags of clone3 are in memory, where no filter looks: libraries then clone.
        made += _unless(numbers(_CLONE)[0], 0, (_ANY_BIT, _THREAD))
        made += [(_EQUAL, 0, 1, numbers(_CLONE3)[0]), _refusal(errno.ENOSYS)]
        for number in numbers(_TO_OURSELVES):
            made += _unless(number, 0, (_EQUAL, process))
    made += _unless(numbers(_SOCKET)[0], 0, *((_EQUAL, family) for family in families))
    made += _unless(numbers(_SOCKETPAIR)[0], 1, *((_EQUAL, kind) for kind in _STREAMS))  # no datagrams, to any address
    refused += [] if serving else numbers(_SERVING)
    if not connecting:
        refused += numbers(_CONNECT)
        if families:
            refused += numbers(_SENDING)
            made += _unless_null(numbers(_SENDTO)[0], 4)  # the address
    made += _unless_null(numbers(_PRLIMIT)[0], 2)  # the new limit
    for call, commands in _COMMANDS.items():
        made += _if_any(numbers(call)[0], 1, commands)
    for number in refused:
        made += [(_EQUAL, 0, 1, number), _refusal(errno.EPERM)]
    return [*made, (_RETURN, 0, 0, _ALLOW)]


def _unless(number: int, argument: int, *tests: tuple[int, int]) -> list[Step]:
    """Returns the steps that refuse a call unless its argument passes one of the tests, an operation and a value."""
    inner: list[Step] = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument)]
    inner += [(test, len(tests) - place, 0, value) for place, (test, value) in enumerate(tests)]
    inner += [_refusal(errno.EPERM), (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, len(inner), number), *inner]


def _unless_it_cuts(number: int, argument: int) -> list[Step]:
    """Returns the steps that refuse to open a file for neither reading nor writing, which Landlock takes for no access
    at all, or to cut one that is not opened for writing, which it does not see before its third version."""
    inner: list[Step] = [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument), (_ANY_BIT, 0, 1, _WRONLY), (_ANY_BIT, 3, 2, _RDWR),
        (_ANY_BIT, 1, 0, _RDWR), (_ANY_BIT, 1, 0, _TRUNC), (_RETURN, 0, 0, _ALLOW), _refusal(errno.EPERM),
    ]  # fmt: skip
    return [(_EQUAL, 0, len(inner), number), *inner]


def _if_any(number: int, argument: int, values: Sequence[int]) -> list[Step]:
    """Returns the steps that refuse a call whose argument, of 32 bits, is one of these values."""
    inner: list[Step] = [(_LOAD, 0, 0, _ARGUMENTS + 8 * argument)]
    inner += [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    inner += [(_RETURN, 0, 0, _ALLOW), _refusal(errno.EPERM)]
    return [(_EQUAL, 0, len(inner), number), *inner]


def _unless_null(number: int, argument: int) -> list[Step]:
    """Returns the steps that refuse a call unless its argument, a pointer, is null."""
    place = _ARGUMENTS + 8 * argument
    inner = [
        (_LOAD, 0, 0, place), (_EQUAL, 0, 2, 0), (_LOAD, 0, 0, place + 4), (_EQUAL, 1, 0, 0),
        _refusal(errno.EPERM), (_RETURN, 0, 0, _ALLOW),
    ]  # fmt: skip
    return [(_EQUAL, 0, len(inner), number), *inner]


def _refusal(error: int) -> Step:
    return (_RETURN, 0, 0, _ERRNO | error)
