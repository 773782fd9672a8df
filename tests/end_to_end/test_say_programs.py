"""`say`, and a task of AsyncClient, as processes that are heard: on a device that keeps a diary, with a real supervisor
and the echo worker."""

from __future__ import annotations

import os
import subprocess
import sys

from support.peer import BOUND_S, wait_until
from support.programs import Programs, finish


def heard(programs: Programs) -> int:
    return sum(int(line[2]) for line in programs.lines("heard"))


def test_text_is_spoken_while_it_is_being_written(programs: Programs) -> None:
    """`agent | say`: the first words are heard while the agent still writes, and at the end all of them."""
    process = programs.start("say", "--engine", "echo", stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(b"a" * 1600)
    process.stdin.flush()
    programs.wait_for_sound(process)
    process.stdin.write(b"a" * 1600)
    finish(process)
    assert heard(programs) == 3200


# --- a terminal -------------------------------------------------------------------------------------------------------


# --- a task -----------------------------------------------------------------------------------------------------------

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
            env=os.environ | programs.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            programs.started.append(process)  # type: ignore[arg-type]
            wait_until(lambda: programs.lines("sound", process.pid) != [], "a sound")
            output, complaint = process.communicate("\n", timeout=BOUND_S)
        assert (process.returncode, complaint) == (0, "")
        assert output.split("\n")[:2] == ["cancelled", "None [0]"]
        (sound,) = [each for each in programs.sounds() if each.pid == process.pid]
        assert 0 < sound.heard < 80_000
