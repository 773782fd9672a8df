"""AsyncClient with a loudspeaker: a program on a device that keeps real time, and a diary."""

from __future__ import annotations

import os
import subprocess
import sys

from support.diary import DEVICE
from support.peer import BOUND_S, wait_until
from support.programs import Programs

SPEAK = """
import asyncio, sys
from hushd import AsyncClient, Player

async def main():
    async with AsyncClient() as client:
        if sys.argv[1] == "say":
            speaking = client.say("a" * 160_000, engine="echo")
        else:
            speech = await client.synthesize("a" * 160_000, engine="echo")
            speaking = speech.play(Player(volume=0.5))
        task = asyncio.create_task(speaking)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            print("cancelled")
        status = await client.status()
        print(status.floor.speaker, [worker.running for worker in status.workers])

asyncio.run(main())
"""


def test_a_cancelled_speech_is_silent(programs: Programs) -> None:
    """`say` and `play` of a task that is cancelled in the middle: no more sound, no job, and the floor is free."""
    for how in ("say", "play"):
        with programs.held(), subprocess.Popen(
            [sys.executable, "-W", "error", "-c", SPEAK, how],
            env=os.environ | {"PYTHONPATH": str(DEVICE), "HUSHD_DIARY": str(programs.diary)},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            programs.started.append(process)  # type: ignore[arg-type]
            wait_until(lambda: programs.lines("sound", process.pid) != [], "a sound")
            output, complaint = process.communicate("\n", timeout=BOUND_S)
        assert (process.returncode, complaint) == (0, "")
        assert output.split("\n")[:2] == ["cancelled", "None [0]"]
        (sound,) = [each for each in programs.sounds() if each.pid == process.pid]
        assert 0 < sound.heard < 80_000
