"""Labels of live speech: who speaks, said while they do, of turns spliced from recordings of people."""

from __future__ import annotations

import random
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from hushd import Client
from hushd.transcripts.segment import Segment
from hushd_schema.transcript import LiveEvent
from hushd_worker_stt.diarization.models import DiarizationModels

from ..stage import Row, mb, supervisor
from .diarization import people_of

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # what splices and measures is the tests' too

from support.conversations import RATE, Conversation, Utterance  # isort: skip
from support.der import Spoken, matched  # isort: skip

TURNS, SHORTEST_S, LONGEST_S = 40, 2.0, 8.0
PEOPLE = 4  # in a session, where there are as many
PAUSES = {"with pauses": (0.2, 1.5), "without": (0.0, 0.1)}  # seconds between turns; 0.8 end an utterance
CHUNK = RATE // 10
SEEDS = 1  # sessions of each kind

SPOKEN = 8  # turns that are played as they would be spoken, to time their labels


@dataclass
class Session:
    """A session as a program saw it: what it was told, and when, in seconds since it began; and the worker's work."""

    segments: list[Segment] = field(default_factory=list)
    said: list[tuple[float, LiveEvent]] = field(default_factory=list)
    cpu_s: float = 0.0


def labels(options: Namespace) -> Iterator[Row]:
    """40 turns of 2 to 8 s in a live session: labels that are wrong, when the first one comes, and what it costs.

    With --audio DIR also of readers on whom the thresholds were chosen, and of others in them.
    """
    ours, tuned = people_of(DiarizationModels(), options.audio)
    kinds = {"not tuned on": ours} | ({"tuned on": tuned} if len(tuned) >= PEOPLE else {})
    with supervisor() as process, Client() as client:
        client.preload("stt")
        worker = process.children()[0]
        talk = _turns(ours, min(PEOPLE, len(ours)), 0, (1.0, 1.5), SPOKEN)
        length = len(talk.samples) / RATE
        floor, without = _listen(client, worker, talk, diarize=False).cpu_s / length * 100, mb(worker)[1]
        cost = _listen(client, worker, talk).cpu_s / length * 100
        yield Row("labels: worker's CPU time", cost, "% of the sound's", floor=floor, note="floor: without labels")
        yield Row("labels: PSS of the worker", mb(worker)[1], "MB", floor=without, note="floor: before the first ones")
        lags = list(_lags(talk.spoken, _listen(client, worker, talk, paced=True).said))
        note = f"of {len(lags)} of {SPOKEN} turns, as spoken; the longest took {max(lags, default=0):.2f} s"
        yield Row("labels: speech to its first label", statistics.median(lags or [0.0]), "s", note=note)
        for kind, chosen in kinds.items():
            for pauses, range_s in PAUSES.items():
                for seed in range(SEEDS):
                    talk = _turns(chosen, min(PEOPLE, len(chosen)), seed, range_s, TURNS)
                    yield _row(f"labels: {kind}, {pauses} #{seed + 1}", talk, _listen(client, worker, talk))


def _row(case: str, talk: Conversation, session: Session) -> Row:
    first = [each.speaker for each in session.segments]
    last = list(first)
    revisions = [event for _, event in session.said if event["kind"] == "revised"]
    for event in revisions:
        for number in event["segments"]:
            last[number] = event["speaker"]
    live, wrong = (_wrong(talk.spoken, session.segments, names) for names in (first, last))
    moved = sum(a != b for a, b in zip(first, last, strict=True))
    people = f"{talk.people} people, {len(set(last))} heard"
    note = f"{live} before {len(revisions)} revisions of {moved} of {len(first)} segments; {people}"
    return Row(case, wrong, f"of {len(talk.spoken)}", "<= 4", ok=wrong <= 4, note=note)


def _wrong(turns: Sequence[Spoken], segments: Sequence[Segment], names: Sequence[str]) -> int:
    """The turns most of whose text has another's name, people and names matched so that the fewest do."""
    labelled = []
    for turn in turns:
        shares: dict[str, float] = {}
        for segment, name in zip(segments, names, strict=True):
            common = min(turn.end, segment.end) - max(turn.start, segment.start)
            shares[name] = shares.get(name, 0.0) + max(0.0, common)
        labelled.append(max(shares, key=shares.__getitem__) if any(shares.values()) else "")
    who, heard = (list(dict.fromkeys(each)) for each in ([turn.who for turn in turns], labelled))
    counts = np.zeros((len(who), len(heard)), np.float32)
    for turn, name in zip(turns, labelled, strict=True):
        counts[who.index(turn.who), heard.index(name)] += bool(name)
    return len(turns) - round(matched(counts))


def _lags(turns: Iterable[Spoken], said: Sequence[tuple[float, LiveEvent]]) -> Iterator[float]:
    """The seconds of sound from the beginning of each turn to the first label of speech that began with it."""
    for turn in turns:
        for at, event in said:
            if event["kind"] == "speaker" and abs(event["start"] - turn.start) < 1.0 and turn.start < at:
                yield at - turn.start
                break


def _turns(
    people: Mapping[str, list[Utterance]], count: int, seed: int, pauses: tuple[float, float], turns: int
) -> Conversation:
    """`turns` turns of `count` of `people`, within 6 dB, with noise at -55 dB; nothing is said twice before all is."""
    chance = random.Random(seed)
    who = chance.sample(sorted(people), count)
    speech = {name: np.concatenate([each.samples for each in people[name]]) for name in who}
    loudness = {name: 10 ** (chance.uniform(-6, 0) / 20) for name in who}
    place = dict.fromkeys(who, 0)
    parts, now, last, spoken = [np.zeros(RATE // 2, np.float32)], 0.5, "", []
    for _ in range(turns):
        name = chance.choice([each for each in who if each != last])
        length = round(chance.uniform(SHORTEST_S, LONGEST_S) * RATE)
        samples = np.resize(np.roll(speech[name], -place[name]), length) * np.float32(loudness[name])
        place[name] = (place[name] + length) % len(speech[name])
        quiet = np.zeros(round(chance.uniform(*pauses) * RATE), np.float32)
        spoken.append(Spoken(now, now + length / RATE, name))
        parts += (samples, quiet)
        now, last = now + (length + len(quiet)) / RATE, name
    whole = np.concatenate([*parts, np.zeros(2 * RATE, np.float32)])
    noise = np.random.default_rng(seed).normal(0, 10 ** (-55 / 20), len(whole)).astype(np.float32)
    return Conversation(np.clip((whole + noise) * np.float32(0.7), -1, 1), tuple(spoken))


def _listen(
    client: Client, worker: psutil.Process, talk: Conversation, *, diarize: bool = True, paced: bool = False
) -> Session:
    """Plays it to a session: as fast as that takes it, or `paced`, as it would be spoken."""
    session = Session()
    data = (talk.samples * 32767).astype("<i2")
    before, began = sum(worker.cpu_times()[:2]), time.monotonic()

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(data), CHUNK):
            if paced:
                time.sleep(max(0.0, began + (start + CHUNK) / RATE - time.monotonic()))
            yield data[start : start + CHUNK].tobytes()

    def on_event(kind: str, event: LiveEvent) -> None:
        session.said.append((time.monotonic() - began, event))

    session.segments = list(client.listen(chunks(), continuous=True, diarize=diarize, on_event=on_event))
    session.cpu_s = sum(worker.cpu_times()[:2]) - before
    return session
