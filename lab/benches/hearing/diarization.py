"""Diarization error rates on conversations spliced from recordings of people, speed and memory."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from hushd import Client
from hushd_worker_stt.diarization.clustering import cluster
from hushd_worker_stt.diarization.diarize import Diarizer
from hushd_worker_stt.diarization.models import DiarizationModels
from hushd_worker_stt.engine import RATE

from ..stage import Row, mb, recording, supervisor

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # what splices and measures is the tests' too

from support.conversations import Conversation, Utterance, moonshine_people, read, spliced, utterances
from support.der import Errors, Spoken, diarization_errors

PEOPLE = (2, 3, 4, 2, 3, 4, 2, 3, 4, 2)  # in each of the ten conversations
TUNED_ON = ("-de-", "-es-", "-fr-")  # FLEURS clips with these in their names; seeds 0 to 9
TUNED_SEED, SEED = 0, 100
SAME_READER = 0.45  # cosine of two whole clips' embeddings: here two of one reader are above 0.53, of two below 0.39


def diarization(options: Namespace) -> Iterator[Row]:
    """Ten conversations of 75 s and more, number of people unknown; with --audio DIR of readers not tuned on too."""
    models = DiarizationModels()
    ours, tuned = people_of(models, options.audio)
    yield from _ten(models, ours, SEED, "not tuned on")
    if len(tuned) >= max(PEOPLE):
        yield from _ten(models, tuned, TUNED_SEED, "tuned on")
    yield _speed(models)
    yield from _memory()


def _ten(models: DiarizationModels, people: dict[str, list[Utterance]], seed: int, kind: str) -> Iterator[Row]:
    errors: list[Errors] = []
    right = 0
    for number, count in enumerate(PEOPLE):
        talk = spliced(people, min(count, len(people)), seed + number)
        found = _found(models, talk)
        errors.append(diarization_errors(talk.spoken, found))
        heard = len({spoken.who for spoken in found})
        right += heard == talk.people
        note = f"{len(talk.samples) / RATE:.0f} s, {talk.people} people, {heard} found"
        yield Row(f"diarization: {kind}, #{number + 1}", errors[-1].rate, "", note=note)
    rate = float(np.mean([each.rate for each in errors]))
    speech = sum(each.speech for each in errors)
    missed, alarm, confused = (
        sum(getattr(each, kind) for each in errors) / speech for kind in ("missed", "alarm", "confused")
    )
    shares = f"missed {missed:.3f}, alarm {alarm:.3f}, confused {confused:.3f}"
    note = f"mean of 10, of {len(people)} people; {shares}; {right} of 10 counts right"
    yield Row(f"diarization: {kind}", rate, "", "<= 0.20", ok=rate <= 0.20, note=note)


def _found(models: DiarizationModels, talk: Conversation) -> list[Spoken]:
    diarizer = Diarizer(models)
    for start in range(0, len(talk.samples), RATE):
        diarizer.feed(talk.samples[start : start + RATE])
    return [Spoken(turn.start, turn.end, turn.speaker) for turn in diarizer.turns()]


def people_of(
    models: DiarizationModels, folder: Path | None
) -> tuple[dict[str, list[Utterance]], dict[str, list[Utterance]]]:
    """The speakers that were not tuned on, and those that were.

    FLEURS does not say who reads a clip, and some read two, so clips are sorted into readers by the embeddings of whole
    clips: an easier question than a conversation asks, but one to the same model.
    """
    ours = moonshine_people(recording("beckett.wav").parent)
    tuned: dict[str, list[Utterance]] = {}
    clips = _clips(folder) if folder else {}
    for kind, chosen in ((tuned, True), (ours, False)):
        names = [name for name in clips if any(mark in name for mark in TUNED_ON) == chosen]
        embeddings = [models.embedding(models.features(clips[name][: 15 * RATE]), np.ones(900, bool)) for name in names]
        known = [(name, each) for name, each in zip(names, embeddings, strict=True) if each is not None]
        if not known:
            continue
        rows = np.array([each for _, each in known])
        readers = cluster(rows, np.ones(len(rows), np.float32), SAME_READER)
        for (name, _), reader in zip(known, readers, strict=True):
            kind.setdefault(f"reader {reader}", []).extend(utterances(clips[name]))
    return {name: said for name, said in ours.items() if said}, {name: said for name, said in tuned.items() if said}


def _clips(folder: Path) -> dict[str, np.ndarray]:
    """The recordings in `folder` by name, levelled; each channel of a stereo one is another speaker."""
    clips = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".flac", ".mp3", ".ogg", ".wav"):
            continue
        channels = soundfile.info(path).channels
        if channels == 1:
            clips[path.stem] = read(path)
        else:
            for channel in range(channels):
                clips[f"{path.stem} {channel}"] = read(path, channel)
    return clips


def _speed(models: DiarizationModels) -> Row:
    """Beside what the package that brings the models does, on its own dialogue."""
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber

    samples = read(recording("endgame_nagg_nell.wav"))
    seconds = len(samples) / RATE
    began = time.perf_counter()
    diarizer = Diarizer(models)
    diarizer.feed(samples)
    diarizer.turns()
    ours = (time.perf_counter() - began) / seconds
    options = {"identify_speakers": "true", "skip_transcription": "true", "return_audio_data": "false"}
    rival = Transcriber(str(recording("tiny-en")), ModelArch.TINY, options=options)
    data = samples.tolist()
    began = time.perf_counter()
    rival.transcribe_without_streaming(data, RATE)
    theirs = (time.perf_counter() - began) / seconds
    note = "seconds of work for one of audio; floor: moonshine's identify_speakers, without transcribing"
    return Row("diarization: work", ours, "s", "< 1", theirs, ours < 1, note)


def _memory() -> Iterator[Row]:
    """Memory of a worker after a recording, without diarization and with it."""
    held = []
    with supervisor() as process, Client() as client:
        for diarize in (False, True):
            client.transcribe(recording("two_cities.wav"), diarize=diarize)
            held.append(mb(process.children()[0])[1])
    yield Row(
        "diarization: PSS of the worker", held[1], "MB", floor=held[0], note="floor: before the first recording with it"
    )
