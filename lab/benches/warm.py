"""Warm requests: the time that the supervisor adds to the engine's."""

from __future__ import annotations

import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import soundfile
from hushd import Client

from .stage import BIN, SENTENCE, Row, first_audio, recording, supervisor, timed

RUNS = 15
CLIP_S = 10


def warm(_: Namespace) -> Iterator[Row]:
    """First audio of a warm `say`, and a warm 10 s transcription, in a connected program and by command."""
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder, supervisor() as _process, Client() as client:
        first = [first_audio(client, SENTENCE) for _ in range(RUNS)]
        value = statistics.median(first[1:]) * 1000
        floor = _bare_first_audio() * 1000
        yield Row("warm say: request to first audio", value, "ms", "<= 60", floor, value <= 60)

        clip = Path(folder) / "clip.wav"
        audio, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
        soundfile.write(clip, audio[: CLIP_S * rate], rate)
        bare = _bare_transcriber(clip)
        client.transcribe(clip)
        ours, named, floors, commands = [], [], [], []
        for _ in range(RUNS):
            began = time.perf_counter()
            client.transcribe(clip)
            ours.append(time.perf_counter() - began)
            floors.append(bare())
            commands.append(timed([str(BIN / "listen"), str(clip)]))
            began = time.perf_counter()
            client.transcribe(clip, language="en")
            named.append(time.perf_counter() - began)
        value, told, floor, command = (statistics.median(times) * 1000 for times in (ours, named, floors, commands))
        yield Row("warm transcribe, 10 s clip: Client", value, "ms", "<= bare + 20", floor, value <= floor + 20)
        # The beginning is not read a second time, to notice another language.
        yield Row("the same, its language named", told, "ms", "<= bare + 20", floor, told <= floor + 20)
        yield Row("warm transcribe, 10 s clip: listen", command, "ms", "<= bare + 80", floor, command <= floor + 80)


def _bare_first_audio() -> float:
    from hibari import Hibari

    tts = Hibari()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        next(tts.stream(SENTENCE))
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _bare_transcriber(clip: Path):  # type: ignore[no-untyped-def]
    """A timer of hushd's own engine module on the clip's samples: no process, no socket, decoding included."""
    from hushd_worker_stt.engines.moonshine import Moonshine  # noqa: F401 - must be there
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber
    from moonshine_voice.utils import get_assets_path

    stt = Transcriber(str(get_assets_path() / "tiny-en"), ModelArch.TINY, options={"vad_threshold": "0"})

    def run() -> float:
        began = time.perf_counter()
        audio, rate = soundfile.read(clip, dtype="float32")
        stt.transcribe_without_streaming(audio.tolist(), rate)
        return time.perf_counter() - began

    run()
    return run
