"""Another architecture's programs on this machine, by qemu-user and the kernel's table of interpreters."""

from __future__ import annotations

import subprocess
from pathlib import Path

_TABLE = Path("/proc/sys/fs/binfmt_misc")
_NAMES = {"arm64": "qemu-aarch64"}
_REMEDY = "apt-get install qemu-user-static"


def missing(architecture: str) -> str:
    """Makes its programs run here; returns the reason why they cannot, empty when there is none."""
    name = _NAMES[architecture]
    known = Path(f"/usr/lib/binfmt.d/{name}.conf")
    if not known.exists():
        return f"programs of {architecture} need an emulator: {_REMEDY}"
    try:
        if not (_TABLE / "register").exists():
            subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", _TABLE], check=True, capture_output=True)
        if not (_TABLE / name).exists():
            (_TABLE / "register").write_text(known.read_text().strip())
    except (OSError, subprocess.CalledProcessError) as error:
        return f"the kernel takes no interpreter of {architecture}: {error}"
    return ""
