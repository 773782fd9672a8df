"""Measures live sessions in real time: first text after speech begins, last text after it ends."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jiwer
import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from hushd import Client
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import Row, loud, recording, supervisor, wait_until_childless

RATE = 16_000
CHUNK = RATE // 10
SPEECH_S = 3.0  # of each utterance
SILENCE_S = 0.8
CUTS = 14  # utterances out of the wheel's recordings, where no others are given
COLD = 5
FILE = 12  # times the recording that is read beside sessions

Samples = npt.NDArray[np.float32]


@dataclass
class Utterance:
    """`samples`, with quiet before and after the speech, which is from `begin` to `end` in seconds."""

    samples: Samples
    begin: float
    end: float


@dataclass
class Heard:
    """Seconds of one session: from its beginning to the first text and to the first word that stayed, and from its end,
    with the silence that makes it one, to the final text."""

    text: str
    first: float
    right: float
    final: float


def live(options: Namespace) -> Iterator[Row]:
    """First partial and final text of utterances spoken in real time: warm, cold, and beside a file."""
    spoken = utterances(options)
    with supervisor() as process, Client() as client:
        client.preload("stt")
        worker = process.children()[0]
        _listen(client, spoken[0])
        before, began = sum(worker.cpu_times()[:2]), time.monotonic()
        warm = [_listen(client, utterance) for utterance in spoken]
        share = (sum(worker.cpu_times()[:2]) - before) / (time.monotonic() - began)
        count = f"{len(warm)} utterances"
        first, final = (statistics.median(getattr(h, name) for h in warm) * 1000 for name in ("first", "final"))
        yield Row("live: speech to first partial", first, "ms", "<= 400", ok=first <= 400, note=count)
        right = statistics.median(h.right for h in warm) * 1000
        yield Row("live: speech to the first word that stays", right, "ms")
        yield Row("live: endpoint to final text", final, "ms", "<= 300", ok=final <= 300)
        yield Row("live: worker's share of a core", share * 100, "%")

        cold, pairs = [], []
        for utterance, reference in zip(spoken[:COLD], warm, strict=False):
            client.unload()
            wait_until_childless(process)
            heard = _listen(client, utterance)
            cold.append(heard.first)
            pairs.append((reference.text, heard.text))
        value = statistics.median(cold) * 1000
        yield Row("live: speech to first partial, cold", value, "ms", "<= 1200", ok=value <= 1200)
        normalise = EnglishTextNormalizer()
        lost = jiwer.wer([normalise(a) for a, _ in pairs], [normalise(b) for _, b in pairs])
        yield Row("live: word errors of cold against warm", lost, "", "0", ok=lost == 0)
        yield from _beside_a_file(client, spoken)


def _beside_a_file(client: Client, utterances: list[Utterance]) -> Iterator[Row]:
    """Sessions while a recording is read by the same worker."""
    samples, rate = soundfile.read(recording("two_cities.wav"), dtype="float32")
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        path = Path(folder) / "long.wav"
        soundfile.write(path, np.concatenate([samples] * FILE), rate)
        began = time.monotonic()
        client.transcribe(path)
        alone = time.monotonic() - began
        done: list[float] = []

        def read() -> None:
            began = time.monotonic()
            client.transcribe(path)
            done.append(time.monotonic() - began)

        reader = threading.Thread(target=read)
        reader.start()
        heard = []
        for utterance in utterances:
            result = _listen(client, utterance)
            if not reader.is_alive():
                break
            heard.append(result)
        reader.join()
    if not heard:
        yield Row("live: beside a file", None, "ms", note="the file was read too soon")
        return
    first, final = (statistics.median(getattr(h, name) for h in heard) * 1000 for name in ("first", "final"))
    yield Row("live: first partial beside a file", first, "ms", note=f"{len(heard)} utterances")
    yield Row("live: final text beside a file", final, "ms")
    yield Row("live: the file beside sessions", done[0], "s", floor=alone, note="floor: alone")


def _listen(client: Client, utterance: Utterance) -> Heard:
    """Plays an utterance to a new session in real time."""
    began = time.monotonic()
    partials: list[tuple[float, str]] = []

    def chunks() -> Iterator[bytes]:
        data = (utterance.samples * 32767).astype("<i2")
        for start in range(0, len(data) - CHUNK + 1, CHUNK):
            due = began + (start + CHUNK) / RATE
            time.sleep(max(0.0, due - time.monotonic()))
            yield data[start : start + CHUNK].tobytes()

    transcription = client.listen(
        chunks(),
        silence_s=SILENCE_S,
        on_partial=lambda stable, text: partials.append((time.monotonic() - began, stable + text)),
    )
    segment = next(transcription)
    final = time.monotonic() - began
    transcription.transcript()
    word = segment.text.split()[0].strip(".,!?").casefold()
    right = [at for at, text in partials if text.split()[0].strip(".,!?").casefold() == word]
    return Heard(
        segment.text,
        (partials[0][0] if partials else final) - utterance.begin,
        (right[0] if right else final) - utterance.begin,
        final - utterance.end - SILENCE_S,
    )


def utterances(options: Namespace) -> list[Utterance]:
    """The beginnings of the clips of --audio, or of sentences in the wheel's recordings."""
    rng = np.random.default_rng(4)
    clips = sorted(options.audio.glob("*-en-*.ogg")) if options.audio else []
    sounds = [load(clip) for clip in (*clips, recording("beckett.wav"))]
    if len(sounds) < CUTS:
        long = load(recording("two_cities.wav"))
        sounds += [long[start:] for start in _after_pauses(long)[: CUTS - len(sounds)]]
    return [_utterance(sound, rng) for sound in sounds]


def _utterance(sound: Samples, rng: np.random.Generator) -> Utterance:
    begin = int(np.flatnonzero(loud(sound))[0]) * RATE // 50
    speech = sound[max(0, begin - RATE // 5) :][: int(SPEECH_S * RATE)]
    lead = int(rng.uniform(0.4, 0.6) * RATE)  # so that chunks begin anywhere in a word
    samples = np.concatenate((np.zeros(lead, np.float32), speech, np.zeros(4 * RATE, np.float32)))
    spoken = np.flatnonzero(loud(speech))
    samples += (rng.standard_normal(len(samples)) * 2e-4).astype(np.float32)
    return Utterance(samples, lead / RATE + spoken[0] / 50, lead / RATE + (spoken[-1] + 1) / 50)


def _after_pauses(sound: Samples) -> list[int]:
    """The places where speech resumes after 0.4 s of quiet."""
    places = np.flatnonzero(loud(sound))
    return [int(after) * 320 for before, after in pairwise(places) if after - before >= 20]


def load(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono: Samples = soxr.resample(samples.mean(axis=1), rate, RATE).astype(np.float32)
    return mono
