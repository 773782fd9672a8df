"""`say`, and a task of AsyncClient, as processes that are heard: on a device that keeps a diary, with a real supervisor
and the echo worker."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys

from support.peer import BOUND_S, Supervisor, wait_until
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


def test_a_paused_say_holds_no_worker(programs: Programs, supervisor: Supervisor) -> None:
    """Speech not yet played is held by the client: even if the worker leaves, every sample is heard."""
    with supervisor.connect() as peer:
        with programs.held():
            process = programs.say(2)
            programs.wait_for_sound(process)
            peer.control("pause")
            wait_until(lambda: programs.lines("close", process.pid), "silence")
        wait_until(lambda: peer.status("tts/echo/default")["running"] == 0, "the end of the job")
    programs.hushd("unload")
    with supervisor.connect() as peer:
        assert peer.status("tts/echo/default")["state"] == "stopped"
    assert process.poll() is None
    programs.hushd("resume")
    finish(process)
    assert 32000 - 4 <= heard(programs) <= 32000  # at the loudness 0 of a fade even speech counts as silence


# --- a terminal -------------------------------------------------------------------------------------------------------


def test_ctrl_c_while_typing(programs: Programs) -> None:
    """It ends with 130, quietly."""
    ours, other_end = pty.openpty()
    process = programs.start("say", "--engine", "echo", stdin=other_end)
    os.close(other_end)
    os.write(ours, b"a" * 400 + b"\n")
    wait_until(lambda: programs.lines("close", process.pid), "the first line")
    process.send_signal(signal.SIGINT)
    assert finish(process, 130) == ""
    with contextlib.suppress(OSError):
        os.close(ours)


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
