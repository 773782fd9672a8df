"""AsyncClient with loudspeaker and microphone: a program on a device that keeps real time, and a diary."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile
from support.peer import BOUND_S, Supervisor, wait_until
from support.programs import DEVICE, Programs
from support.recordings import recording

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


LISTEN = """
import asyncio, threading
from hushd import AsyncClient, Microphone

async def main():
    async with AsyncClient() as client:
        async with client.floor("microphone") as floor:
            with await asyncio.to_thread(Microphone) as microphone:
                count = 0
                async for chunk in microphone:
                    count += 1
                    if count == 3:
                        microphone.stop()
                print(count, len(chunk))
                heard = await client.listen(floor.while_held(microphone), continuous=True)
                print((await anext(heard)).text)
                print(sorted({thread.name.rstrip("_0123456789") for thread in threading.enumerate()}))
                heard.close()
                heard = await client.listen(microphone, continuous=True)
                print((await anext(heard)).text)
                microphone.stop()

asyncio.run(main())
"""


def test_a_microphone_is_read_by_tasks(carried: Supervisor, tmp_path: Path) -> None:
    """By `async for`, and by one request after the other, which lose no word between them; no thread reads it."""
    words = _run(LISTEN, tmp_path)
    assert words[0] == "3 3200"
    assert "ver tried" in words[1]
    assert not {"hushd-upload", "hushd-step"} & set(ast.literal_eval(words[2]))
    assert words[3]


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


def _run(program: str, folder: Path) -> list[str]:
    """The lines that a program prints while a person speaks."""
    samples, rate = soundfile.read(recording(), dtype="int16")
    places = np.arange(0, len(samples) - 1, rate / 16_000)
    (folder / "person").write_bytes(np.interp(places, np.arange(len(samples)), samples).astype("<i2").tobytes())
    (folder / "diary").touch()
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=90,
        env=os.environ | {
            "PYTHONPATH": str(DEVICE), "HUSHD_DIARY": str(folder / "diary"), "HUSHD_PERSON": str(folder / "person"),
        },
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()
