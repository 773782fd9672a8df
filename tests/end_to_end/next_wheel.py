"""A wheel of hushd's next version, whose modules refuse to be imported beside those of this one."""

from __future__ import annotations

import zipfile
from pathlib import Path

VERSION = "0.2.0"
_GUARD = f"""

import hushd_protocol as _protocol

if _protocol.__version__ != {VERSION!r}:
    raise ImportError(f"{{__name__}} of {VERSION} beside hushd_protocol of {{_protocol.__version__}}")
"""


def make(wheel: Path, folder: Path) -> Path:
    """Writes that wheel into `folder`, made of `wheel`, without the sums of its files."""
    old = wheel.name.split("-")[1]
    target = folder / wheel.name.replace(old, VERSION, 1)
    info, next_info = f"hushd-{old}.dist-info", f"hushd-{VERSION}.dist-info"
    with zipfile.ZipFile(wheel) as archive, zipfile.ZipFile(target, "w") as written:
        names = []
        for name in archive.namelist():
            data = archive.read(name).replace(f'__version__ = "{old}"'.encode(), f'__version__ = "{VERSION}"'.encode())
            if name == f"{info}/RECORD":
                continue
            if name == f"{info}/METADATA":
                data = data.replace(f"Version: {old}".encode(), f"Version: {VERSION}".encode(), 1)
            if name.endswith(".py") and "/docs/" not in name and name != "hushd_protocol/__init__.py":
                data += _GUARD.encode()
            names.append(name.replace(info, next_info).replace(f"hushd-{old}.data", f"hushd-{VERSION}.data"))
            written.writestr(names[-1], data)
        record = f"{next_info}/RECORD"
        written.writestr(record, "".join(f"{name},,\n" for name in [*names, record]))
    return target
