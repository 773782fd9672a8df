"""Cold commands against the bare engine in a fresh process: with the same text, options and output, to the last
byte."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from hushd import Client

from .stage import BIN, SENTENCE, Row, recording, supervisor, timed, wait_until_childless

RUNS = 9

BARE_SAY = """
import os, sys
from hibari import Hibari
tts = Hibari()
tts.save(sys.argv[1], sys.argv[2])
os._exit(0)
"""

BARE_LISTEN = """
import os, sys
import soundfile
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_assets_path
audio, rate = soundfile.read(sys.argv[1], dtype="float32")
stt = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY, options={"vad_threshold": "0"})
transcript = stt.transcribe_without_streaming(audio.tolist(), rate)
print(" ".join(line.text for line in transcript.lines), flush=True)
os._exit(0)
"""


def cold(_: Namespace) -> Iterator[Row]:
    """`say -o` and `listen`, nothing loaded, to the last byte, against the bare engine."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        out = str(Path(folder) / "out.wav")
        beckett = str(recording("beckett.wav"))
        say, listen = [str(BIN / "say"), "-o", out, SENTENCE], [str(BIN / "listen"), beckett]
        bare_say = [sys.executable, "-c", BARE_SAY, SENTENCE, out]
        bare_listen = [sys.executable, "-c", BARE_LISTEN, beckett]
        for name, ours, bare in (("say", say, bare_say), ("listen", listen, bare_listen)):
            with supervisor("[worker]\nkeep_alive = -1\n") as process, Client() as client:

                def unload(client: Client = client, process: object = process) -> None:
                    client.unload()
                    wait_until_childless(process)  # type: ignore[arg-type]

                value, floor = _in_turn(ours, bare, unload)
                yield Row(f"cold {name}", value, "s", "<= 1.2 x", floor, value <= 1.2 * floor)
                os.environ["HUSHD_RUNTIME_DIR"] += "-auto"
                os.environ["HUSHD_AUTOSTART"] = "1"

                def leave() -> None:
                    with Client(start=False) as other:
                        other.shutdown()

                value, floor = _in_turn(ours, bare, leave)
                yield Row(f"cold {name}, supervisor started too", value, "s", "", floor)
        yield _without_keeping(say, bare_say, Path(folder))


def _without_keeping(say: list[str], bare: list[str], folder: Path) -> Row:
    """Measures `say` from the third run on without lasting workers, when the prepared files exist."""
    with supervisor("[worker]\nkeep_alive = 0\n", XDG_CACHE_HOME=str(folder / "cache")) as process:
        value, floor = _in_turn(say, bare, lambda: wait_until_childless(process), first=2)
    return Row("cold say, keep_alive = 0, third and later", value, "s", "<= 0.75 x", floor, value <= 0.75 * floor)


def _in_turn(ours: list[str], bare: list[str], afterwards: Callable[[], object], first: int = 1) -> tuple[float, float]:
    """Returns the medians of both commands, run in turn; the `first` runs of each do not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS + first):
        times[0].append(timed(ours))
        afterwards()
        times[1].append(timed(bare))
    return statistics.median(times[0][first:]), statistics.median(times[1][first:])
