"""Volumes are as before after a kill -9 of whoever has the floor, and of the supervisor that has granted it."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from support import pipewire_loop, sound_loop
from support.other_programs import FULL, LOW, OtherPrograms, environment_of, ledgers
from support.peer import Supervisor, wait_until
from support.pipewire_loop import PipeWireLoop
from support.sound_loop import SoundLoop

pytestmark = pytest.mark.skipif(find_spec("pulsectl") is None, reason="pulsectl is not installed")
SERVERS = [
    pytest.param(kind, marks=pytest.mark.skipif(bool(missing), reason=f"{missing} is not installed"))
    for kind, missing in ((SoundLoop, sound_loop.missing()), (PipeWireLoop, pipewire_loop.missing()))
]
HOLDER = """
from hushd import Client
with Client() as client, client.floor("speaker", duck=True) as floor:
    print("held", flush=True)
    try:
        while True:
            input()
            floor.keep()
    except EOFError:
        pass
"""


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.night)])
def test_no_volume_is_wrong(
    tmp_path: Path,
    runtime: Path,
    start_supervisor: Callable[..., Supervisor],
    kills: int,
    server: type[SoundLoop] | type[PipeWireLoop],
) -> None:
    """The holder or the supervisor is killed at any moment, by turns; a stream ends, or appears, in between."""
    dice = random.Random(kills)
    with server(tmp_path / "sound") as loop, OtherPrograms(loop) as others:
        if isinstance(loop, SoundLoop):
            loop.pactl("load-module", "module-stream-restore", "restore_device=no")
        environment = {**environment_of(loop, runtime), "HUSHD_AUTOSTART": "0"}
        others.play("Music", volume=(FULL, 40000))
        others.play("Film", "--channels=1", volume=(3 * FULL,))
        before = others.volumes()
        supervisor = start_supervisor()
        for kill in range(kills):
            with subprocess.Popen(
                [sys.executable, "-c", HOLDER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as holder:
                assert holder.stdout
                assert holder.stdout.readline() == b"held\n"
                if low := dice.random() < 0.7:
                    wait_until(lambda: others.volumes()["Music"][0] == LOW, "the lowered stream")
                # PipeWire's session manager would remember the low volume of one that ends.
                ended = low and isinstance(loop, SoundLoop) and dice.random() < 0.5
                if ended:
                    others.end("Music")
                if kill % 2:
                    supervisor.process.kill()
                    supervisor.process.wait()
                    holder.communicate()
                    supervisor = start_supervisor()
                else:
                    holder.kill()
            if ended:
                others.play("Music")
            wait_until(lambda: others.volumes() == before, f"the volumes after kill {kill}: {others.volumes()}")
            wait_until(lambda: not ledgers(runtime), "the end of the last helper")
            assert others.volumes() == before
