"""hushd's modules below a process whose files are replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hushd_protocol
from hushd_protocol.system.own_modules import Replaced

_PROGRAM = """\
import sys
from pathlib import Path
import hushd_protocol
from hushd_protocol.errors import HushdError
from hushd_protocol.system.own_modules import guard, replaced
guard()
import hushd_protocol.suggest
assert not replaced()
file = Path(hushd_protocol.__file__)
text = file.read_bytes()
file.rename(file.with_suffix(".old"))
for _ in range(2):  # in the midst of an upgrade, and after it
    assert replaced()
    import wave, hushd_protocol.suggest
    try:
        import hushd_protocol.duration
    except HushdError as error:
        print(error.code, error)
    file.write_bytes(text)
"""


def test_a_process_refuses_modules_of_the_next_installation(tmp_path: Path) -> None:
    """Those that it has stay, as do other packages; the error is one that every part of hushd tells its user."""
    package = Path(hushd_protocol.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _PROGRAM], capture_output=True, text=True, timeout=60, env=environment
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"version_mismatch {Replaced()}"] * 2
