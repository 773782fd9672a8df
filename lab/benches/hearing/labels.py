"""Labels of live speech: who speaks, said while they do, of turns spliced from recordings of people."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import soundfile
from hushd import Client
from hushd.transcripts.segment import Segment
from hushd_schema.transcript import LiveEvent
from hushd_worker_stt.diarization.models import DiarizationModels

from ..stage import Row, mb, supervisor
from .diarization import people_of
from .label_lag import first_labels

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # what splices and measures is the tests' too

from support.conversations import RATE, Conversation, Utterance  # isort: skip
from support.der import Spoken, diarization_errors, matched  # isort: skip

TURNS, SHORTEST_S, LONGEST_S = 40, 2.0, 8.0
PEOPLE = 4  # in a session, where there are as many
PAUSES = {"with pauses": (0.2, 1.5), "without": (0.0, 0.1)}  # seconds between turns; 0.8 end an utterance
CHUNK = RATE // 10
SEEDS = 1  # sessions of each kind

WITHIN_S = 1.0  # of the beginning of speech a turn shall have a label
SPOKEN = 16  # turns that are played as they would be spoken, to time their labels


@dataclass
class Session:
    """A session as a program saw it: what it was told, and when, in seconds since it began; and the worker's work."""

    segments: list[Segment] = field(default_factory=list)
    said: list[tuple[float, LiveEvent]] = field(default_factory=list)
    cpu_s: float = 0.0

    @property
    def first(self) -> list[str]:
        """The speaker of each segment, as it was said."""
        return [segment.speaker for segment in self.segments]

    @property
    def last(self) -> list[str]:
        """The speaker of each segment at the end."""
        names = self.first
        for _, event in self.said:
            if event["kind"] == "revised":
                for number in event["segments"]:
                    names[number] = event["speaker"]
        return names


def labels(options: Namespace) -> Iterator[Row]:
    """40 turns of 2 to 8 s in a live session: labels that are wrong, or other than the recording's; when the first one
    comes, and what it costs.

    With --audio DIR also of readers on whom the thresholds were chosen, and of others in them.
    """
    models = DiarizationModels()
    ours, tuned = people_of(models, options.audio)
    kinds = {"not tuned on": ours} | ({"tuned on": tuned} if len(tuned) >= PEOPLE else {})
    with supervisor() as process, Client() as client:
        client.preload("stt", keep_alive=-1)
        worker = process.children()[0]
        talk = _turns(ours, min(PEOPLE, len(ours)), 0, (1.0, 1.5), SPOKEN)
        length = len(talk.samples) / RATE
        floor, without = _listen(client, worker, talk, diarize=False).cpu_s / length * 100, mb(worker)[1]
        cost = _listen(client, worker, talk).cpu_s / length * 100
        yield Row("labels: worker's CPU time", cost, "% of the sound's", floor=floor, note="floor: without labels")
        yield Row("labels: PSS of the worker", mb(worker)[1], "MB", floor=without, note="floor: before the first ones")
        lags = list(_lags(talk.spoken, _listen(client, worker, talk, paced=True).said))
        note = f"of {len(lags)} of {SPOKEN} turns, as spoken; the longest took {max(lags, default=0):.2f} s"
        median = statistics.median(lags or [0.0])
        yield Row(
            "labels: speech to its first label", median, "s", f"<= {WITHIN_S:g}", ok=median <= WITHIN_S, note=note
        )
        for kind, chosen in kinds.items():
            for pauses, range_s in PAUSES.items():
                for seed in range(SEEDS):
                    talk = _turns(chosen, min(PEOPLE, len(chosen)), seed, range_s, TURNS)
                    case = f"{kind}, {pauses} #{seed + 1}"
                    yield _first(f"labels: first one, {case}", models, talk)
                    session = _listen(client, worker, talk)
                    yield _row(f"labels: {case}", talk, session)
                    yield _equal(f"labels: as the file's, {case}", talk, session, client)


def _first(case: str, models: DiarizationModels, talk: Conversation) -> Row:
    """The seconds of sound until turns have their first labels."""
    labels = first_labels(models, talk)
    lags = [label.lag_s for label in labels]
    median, most, worst = np.percentile(lags, (50, 90, 100))
    replaced = sum(label.replaced for label in labels)
    note = (
        f"of sound; nine in ten within {most:.2f}, the last {worst:.2f}; {replaced} of {len(lags)} replaced meanwhile"
    )
    return Row(case, float(median), "s", f"<= {WITHIN_S:g}", ok=median <= WITHIN_S, note=note)


def _equal(case: str, talk: Conversation, session: Session, client: Client) -> Row:
    """The share of the time labelled by both in which a live session and the file of the same sound agree."""
    with tempfile.NamedTemporaryFile(prefix="hushd-", suffix=".wav") as file:
        soundfile.write(file.name, talk.samples, RATE, subtype="PCM_16")
        whole = client.transcribe(file.name, diarize=True)
    recorded = [Spoken(segment.start, segment.end, segment.speaker) for segment in whole]
    shares = []
    for names in (session.first, session.last):
        live = [Spoken(s.start, s.end, name) for s, name in zip(session.segments, names, strict=True)]
        errors = diarization_errors(recorded, live, collar=0.0)
        shares.append(1 - errors.confused / (errors.speech - errors.missed))
    note = f"as said; {shares[1]:.3f} at the end; of {errors.speech - errors.missed:.0f} s that both label"
    return Row(case, shares[0], "", note=note)


def _row(case: str, talk: Conversation, session: Session) -> Row:
    first, last = session.first, session.last
    revisions = [event for _, event in session.said if event["kind"] == "revised"]
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
