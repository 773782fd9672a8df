"""Another architecture's programs on this machine, by Debian's own qemu-user and the kernel's table of interpreters."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import root

_TABLE = Path("/proc/sys/fs/binfmt_misc")
_SUITE = "trixie"  # onnxruntime 1.27 and later end with SIGSEGV at their import under qemu 7.2, the one of bookworm
_NAMES = {"arm64": "aarch64"}
# The head of each one's ELF files, and the bits of it that count (binfmt.d/qemu-aarch64.conf of Debian's qemu-user).
_HEADS = {
    "aarch64": (
        r"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00",
        r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff",
    )
}


def missing() -> str:
    """Returns the reason why the kernel takes no interpreter here; empty when there is none."""
    try:
        if not (_TABLE / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _TABLE], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the kernel has no table of interpreters (binfmt_misc): {error}"
    return ""


@contextmanager
def running(architecture: str) -> Iterator[None]:
    """Has programs of an architecture run here, inside any root, until the end.

    Raises:
        RootError: Debian cannot be reached, or the kernel takes no interpreter.
    """
    name = _NAMES[architecture]
    head, mask = _HEADS[name]
    entry = _TABLE / f"hushd-{name}-{os.getpid()}"
    files = root.archive(_SUITE, ("qemu-user",), "--variant=extract")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / f"{name}-binfmt-P"  # by this ending it knows the flag P, with which argv[0] is kept
        with program.open("wb") as file:
            subprocess.run(["tar", "--extract", "--to-stdout", "--file", files, f"./usr/bin/qemu-{name}"], stdout=file)
        program.chmod(0o755)
        try:
            (_TABLE / "register").write_text(f":{entry.name}:M::{head}:{mask}:{program}:OPF")  # F: it stays open
        except OSError as error:
            raise root.RootError(f"The kernel takes no interpreter of {architecture}: {error}") from error
    try:
        yield
    finally:
        entry.write_text("-1")
