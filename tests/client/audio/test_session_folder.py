"""PortAudio in an environment that was cut down to HOME and PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hushd_protocol.system import pointer
from hushd_protocol.system.paths import find

pytestmark = pytest.mark.permissions

DEVICE = Path(__file__).parents[2] / "support" / "quiet_device"
LOAD = """
import os
from hushd.audio import devices
devices.load_ahead().join()
print(os.environ.get("XDG_RUNTIME_DIR", ""))
"""


def test_a_cut_environment_leads_to_the_sound_server(tmp_path: Path) -> None:
    """PortAudio gets XDG_RUNTIME_DIR, where PulseAudio and PipeWire have their sockets, though the host left it out."""
    (tmp_path / "hushd").mkdir(mode=0o700)
    tmp_path.chmod(0o700)
    cut = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(DEVICE)}

    def seen(environment: dict[str, str]) -> str:
        command = [sys.executable, "-P", "-c", LOAD]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    own = Path(f"/run/user/{os.getuid()}")
    assert seen(cut) == (str(own) if own.exists() else "")
    assert seen(cut | {"XDG_RUNTIME_DIR": "/given"}) == "/given"
    if not own.exists():
        rich = find(cut | {"XDG_RUNTIME_DIR": str(tmp_path)})
        assert rich.pointer
        rich.pointer.parent.mkdir(parents=True)
        pointer.publish(rich)
        assert seen(cut) == str(tmp_path), "where the last supervisor has served"
