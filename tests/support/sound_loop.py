"""A sound server without any device: what programs play into it is what its microphone records."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from array import array
from pathlib import Path

from support.outside import lacking
from support.peer import BOUND_S, wait_until

_NEEDED = ("pulseaudio", "pactl", "paplay", "parec", "portaudio")
RATE = 44_100  # Hz of the loop: nothing at that rate is resampled
BLOCK = RATE // 200  # samples of the monitor's blocks, 5 ms
# JACK's library is kept out of it: it holds a lock of all programs, which one that a test kills would take along.
ALSA = "pcm.!default { type pulse }\nctl.!default { type pulse }\npcm.!jack { type pulse }\n"


def missing() -> str:
    """Names what a loop consists of, and hushd reaches it by, as far as it is not installed; empty when all is."""
    return lacking(*_NEEDED)


class SoundLoop:
    """PulseAudio with a null sink, private to `folder`; `environment` leads programs to it. A context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700)
        self.folder = folder
        (folder / ".asoundrc").write_text(ALSA)
        self.environment = os.environ | {
            "HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_RUNTIME_PATH": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
            "PULSE_SINK": "loop",
            "PULSE_SOURCE": "loop.monitor",
        }
        modules = (f"module-native-protocol-unix socket={folder}/native", "module-null-sink sink_name=loop")
        self._command = [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no",
            *(f"--load={module}" for module in modules),
        ]  # fmt: skip
        self._added: list[str] = []
        self._server = self._started()

    def __enter__(self) -> SoundLoop:
        wait_until(lambda: "loop.monitor" in self._list("sources"), "the sound server")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.terminate()
        self._server.wait(BOUND_S)

    def break_down(self) -> None:
        """Ends the server as if somebody had pulled the plug."""
        self._server.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def wait_for_a_recorder(self) -> None:
        """Returns once a program records."""
        wait_until(lambda: self._list("source-outputs"), "a recorder")

    def play(self, sound: Path, sink: str = "loop") -> None:
        # Without a standard input of its own it says that it cannot open the file. A call, as a voice in the room is no
        # program that hushd would make quieter.
        command = ["paplay", "--property=media.role=phone", f"--device={sink}", str(sound)]
        subprocess.run(command, env=self.environment, stdin=subprocess.DEVNULL, check=True, timeout=60)

    def add_sink(self, name: str) -> str:
        """Adds a null sink; returns the number of its module, for `pactl("unload-module", …)`."""
        properties = f"sink_properties=device.description={name}"
        self._added.append(self.pactl("load-module", "module-null-sink", f"sink_name={name}", properties).strip())
        return self._added[-1]

    def remove_sinks(self) -> None:
        while self._added:
            self.pactl("unload-module", self._added.pop())
        self.pactl("set-default-sink", "loop")

    def pactl(self, *arguments: str) -> str:
        command = ["pactl", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=BOUND_S).stdout

    def _list(self, what: str) -> str:
        return self.pactl("list", "short", what)


class Monitor:
    """Records the sound played into a loop. A context manager.

    Attributes:
        blocks: of `BLOCK` samples, and when each came.
    """

    def __init__(self, loop: SoundLoop) -> None:
        self._process = subprocess.Popen(
            ["parec", "--device=loop.monitor", "--latency-msec=5", "--raw", f"--rate={RATE}", "--channels=1",
             "--format=s16le"],
            env=loop.environment,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        self.blocks: list[tuple[float, array[int]]] = []
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Monitor:
        self._thread.start()
        wait_until(lambda: self.blocks, "the monitor")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._thread.join()
        self._process.communicate()

    @property
    def samples(self) -> array[int]:
        return array("h", b"".join(samples.tobytes() for _, samples in self.blocks))

    def _read(self) -> None:
        assert self._process.stdout
        while len(data := self._process.stdout.read(BLOCK * 2)) == BLOCK * 2:
            self.blocks.append((time.monotonic(), array("h", data)))
