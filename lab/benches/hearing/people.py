"""People known by their voices: cosines of voices with voiceprints, and names that are right, wrong or missing."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from hushd import Client
from hushd_schema.voiceprint import is_label
from hushd_worker_stt.diarization.clustering import cluster
from hushd_worker_stt.diarization.diarize import Diarizer
from hushd_worker_stt.diarization.known_people import KnownPeople, voiceprint
from hushd_worker_stt.diarization.models import DiarizationModels
from hushd_worker_stt.diarization.online import Turn
from hushd_worker_stt.diarization.turns import Voice
from hushd_worker_stt.engine import RATE, Segment
from hushd_worker_stt.live.events import Event, Revised, Speaker
from hushd_worker_stt.live.voices import Voices

from ..stage import Row, recording, supervisor
from .diarization import SAME_READER, _clips
from .label_lag import heard
from .labels import PEOPLE, TURNS, _turns

from support.conversations import Conversation, Utterance, utterances  # isort: skip
from support.der import Spoken  # isort: skip

ADDED_S, ADDED_SHARE = 8.0, 0.6  # of a clip, whichever is less, for a voiceprint: the sentence of consent takes 6 s
LENGTHS = (1.5, 2.5, 4.0, 8.0)
PLACES = 3  # in a clip, of each length
SEEDS = 4  # live sessions
UTTERANCES = (1.0, 1.5, 2.0, 3.0)  # seconds, for one person who is looked for
WRONG = 0.02  # of names, at most


class Clip(NamedTuple):
    """A recording and its reader, who is told by the embeddings of whole clips; its beginning makes a voiceprint."""

    samples: np.ndarray
    reader: str

    @property
    def added(self) -> int:
        """The samples of that beginning."""
        return min(_samples(ADDED_S), round(ADDED_SHARE * len(self.samples)))


@dataclass(frozen=True)
class Pair:
    """A voice of so many seconds of speech, and the cosine with a voiceprint: of the same clip, of another of the same
    reader, or of somebody else."""

    seconds: float
    kind: str
    cosine: float


def people(options: Namespace) -> Iterator[Row]:
    """Wrong names on unseen speech and strangers who are named, in files and live; the cosines behind them.

    It needs --audio DIR, with recordings of several people, of whom some read two.
    """
    models = DiarizationModels()
    clips = _readers(models)
    if options.audio:
        clips |= _readers(models, options)
    voices = ((name, _voice(models, clip.samples[: clip.added])) for name, clip in clips.items())
    known = {name: voice for name, voice in voices if voice}
    for place, through in (("as recorded", _unchanged), ("by telephone", _telephone), ("in a room", _room)):
        yield from _cosines(place, list(_pairs(models, clips, known, through)))
    with supervisor(), Client() as client:
        yield from _files(client, clips, known)
    yield from _live(models, clips, known)
    yield from _owners(models, clips, known)


def _readers(models: DiarizationModels, options: Namespace | None = None) -> dict[str, Clip]:
    """The clips of `--audio`, or the two of moonshine's readers, each with its reader."""
    folder = options.audio if options else recording("beckett.wav").parent
    clips = _clips(folder)
    if options is None:
        clips = {name: clips[name] for name in ("beckett", "two_cities")}
    elif "jfk 1" in clips:
        del clips["jfk 1"]  # the same as the other channel
    whole = [models.embedding(models.features(each[: 15 * RATE]), np.ones(900, bool)) for each in clips.values()]
    rows = np.array(whole)
    readers = cluster(rows, np.ones(len(rows), np.float32), SAME_READER)
    kind = "carried" if options is None else "reader"
    return {name: Clip(each, f"{kind} {n}") for (name, each), n in zip(clips.items(), readers, strict=True)}


def _voice(models: DiarizationModels, samples: np.ndarray) -> Voice | None:
    """The voice of the one who speaks most in `samples`."""
    diarizer = Diarizer(models)
    diarizer.feed(samples)
    voices = [turn.voice for turn in diarizer.turns() if turn.voice]
    return max(voices, key=lambda voice: voice.seconds, default=None)


def _pairs(
    models: DiarizationModels,
    clips: Mapping[str, Clip],
    known: Mapping[str, Voice],
    through: Callable[[np.ndarray], np.ndarray],
) -> Iterator[Pair]:
    for name, clip in clips.items():
        rest = through(clip.samples)[clip.added :]
        for length in LENGTHS:
            for place in range(min(PLACES, len(rest) // _samples(length))):
                voice = _voice(models, rest[place * _samples(length) :][: _samples(length)])
                for other, person in known.items() if voice else ():
                    assert voice
                    same = "same clip" if other == name else "another clip"
                    kind = same if clips[other].reader == clip.reader else "others"
                    yield Pair(voice.seconds, kind, float(voice.embedding @ person.embedding))


def _cosines(place: str, pairs: Sequence[Pair]) -> Iterator[Row]:
    for low, high in ((0.9, 2.0), (2.0, 3.5), (3.5, 60.0)):
        for kind in ("same clip", "another clip", "others"):
            cosines = [pair.cosine for pair in pairs if pair.kind == kind and low <= pair.seconds < high]
            if cosines:
                least, median, most = np.percentile(cosines, (0, 50, 100))
                note = f"median of {len(cosines)} pairs, {least:.2f} to {most:.2f}"
                yield Row(f"people: cosine {place}, {kind}, {low:g} to {high:g} s", float(median), "", note=note)


def _files(client: Client, clips: Mapping[str, Clip], known: Mapping[str, Voice]) -> Iterator[Row]:
    """Names of clips that made no voiceprint, and of the rest of those that did; then with their readers unknown."""
    prints, unseen = _unseen(clips, known)
    right = wrong = missing = named = 0
    for clip, samples in unseen:
        for segment in client.transcribe(samples, rate=RATE, diarize=True, people=prints):
            right += segment.speaker == clip.reader
            missing += is_label(segment.speaker)
            wrong += not is_label(segment.speaker) and segment.speaker != clip.reader
        others = {name: text for name, text in prints.items() if name != clip.reader}
        strange = client.transcribe(samples, rate=RATE, diarize=True, people=others)
        named += sum(not is_label(segment.speaker) for segment in strange)
    total = right + wrong + missing
    note = f"of {total} segments of {len(unseen)} recordings; {len(prints)} people known; {right} right, {missing} none"
    yield Row("people: wrong names", wrong / max(total, 1), "", f"<= {WRONG}", ok=wrong <= WRONG * total, note=note)
    yield Row("people: unknown people named", named, f"of {total}", "0", ok=named == 0, note="all others are known")


def _unseen(
    clips: Mapping[str, Clip], known: Mapping[str, Voice]
) -> tuple[dict[str, str], list[tuple[Clip, np.ndarray]]]:
    """A voiceprint of each reader, and all speech of which it was not made."""
    prints: dict[str, str] = {}
    unseen = []
    for name, clip in clips.items():
        first = clip.reader not in prints and name in known
        if first:
            prints[clip.reader] = voiceprint(known[name].embedding)
        unseen.append((clip, clip.samples[clip.added :] if first else clip.samples))
    return prints, unseen


def _live(models: DiarizationModels, clips: Mapping[str, Clip], known: Mapping[str, Voice]) -> Iterator[Row]:
    """Four people take 40 turns in a session; two of them are known, and so are all who do not speak."""
    prints, unseen = _unseen(clips, known)
    speech: dict[str, list[Utterance]] = {}
    for clip, samples in unseen:
        speech.setdefault(clip.reader, []).extend(utterances(samples))
    speech = {name: said for name, said in speech.items() if sum(len(each.samples) for each in said) > 2 * RATE}
    for seed in range(SEEDS):
        talk = _turns(speech, min(PEOPLE, len(speech)), seed, (0.2, 1.5), TURNS)
        who = sorted({turn.who for turn in talk.spoken})
        strangers = who[: len(who) // 2]
        events = heard(models, talk, {name: text for name, text in prints.items() if name not in strangers})
        yield from _session(f"#{seed + 1}", talk, [turn for turn in talk.spoken if turn.who not in strangers], events)


def _owners(models: DiarizationModels, clips: Mapping[str, Clip], known: Mapping[str, Voice]) -> Iterator[Row]:
    """Single utterances at a microphone that looks for one person: of that person, and of all others."""
    quiet = np.random.default_rng(1).normal(0, 1e-4, RATE).astype(np.float32)
    owners = {name: KnownPeople({name: voiceprint(person.embedding)}, name) for name, person in known.items()}
    for length in UTTERANCES:
        taken: dict[str, list[bool]] = {"same clip": [], "another clip": [], "others": []}
        for name, clip in clips.items():
            rest = clip.samples[clip.added :]
            for place in range(min(PLACES, int(len(rest) // _samples(length + 0.2)))):
                said = rest[place * _samples(length + 0.2) :][: _samples(length)]
                voices = _GrowingVoices(models, 0)
                heard(models, Conversation(np.concatenate((quiet, said, quiet, quiet)), ()), voices=voices)
                for other, owner in owners.items() if voices.known else ():
                    same = "same clip" if other == name else "another clip"
                    kind = same if clips[other].reader == clip.reader else "others"
                    taken[kind].append(any(owner.name_of_turn(voice, voice) for voice in voices.known))
        for kind, each in taken.items():
            note = f"{sum(each)} of {len(each)}"
            yield Row(
                f"people: taken for the owner, {length:g} s, {kind}", sum(each) / max(1, len(each)), "", note=note
            )


class _GrowingVoices(Voices):
    """The voices of one session, of which each turn's is kept whenever somebody may be told by it."""

    def __init__(self, models: DiarizationModels, count: int) -> None:
        super().__init__(models, count)
        self.known: list[Voice] = []

    def _show(self, turn: Turn) -> Iterator[Speaker]:
        if turn.seconds:
            self.known.append(Voice(turn.voice, turn.seconds))
        yield from super()._show(turn)


def _session(
    case: str, talk: Conversation, known: Sequence[Spoken], events: Sequence[tuple[float, Event]]
) -> Iterator[Row]:
    names: list[list[str]] = []  # of each segment, one after the other
    whose: list[str] = []
    for _, event in events:
        if isinstance(event, Segment):
            names.append([event.speaker])
            begin, end = event.start, event.end
            whose.append(max(talk.spoken, key=lambda turn: min(turn.end, end) - max(turn.start, begin)).who)
        elif isinstance(event, Revised):
            for number in event.segments:
                names[number].append(event.speaker)
    history = list(zip(names, whose, strict=True))
    wrong = sum(any(not is_label(each) and each != who for each in said) for said, who in history)
    last = sum(not is_label(said[-1]) and said[-1] != who for said, who in history)
    right = sum(said[-1] == who for said, who in history)
    people = {turn.who for turn in known}
    lags = []
    for turn in known:
        named = [(at, event.start) for at, event in events if isinstance(event, Speaker) and event.speaker == turn.who]
        near = [at - turn.start for at, start in named if abs(start - turn.start) < 1 and at > turn.start]
        lags += near[:1]
    of_known = sum(who in people for who in whose)
    note = f"of {len(names)} segments, at any time; {last} at the end; {right} of {of_known} of known people right"
    yield Row(f"people: live, wrong names, {case}", wrong, "", "0", ok=wrong == 0, note=note)
    median = float(np.median(lags)) if lags else 0.0
    note = f"of {len(lags)} of {len(known)} turns of people who are known"
    yield Row(f"people: live, seconds of sound to a name, {case}", median, "s", note=note)


def _samples(seconds: float) -> int:
    return round(seconds * RATE)


def _unchanged(samples: np.ndarray) -> np.ndarray:
    return samples


def _telephone(samples: np.ndarray) -> np.ndarray:
    """From 300 to 3400 Hz."""
    spectrum, hertz = np.fft.rfft(samples), np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def _room(samples: np.ndarray) -> np.ndarray:
    """With an echo of 0.4 s, and noise 20 dB below."""
    chance = np.random.default_rng(1)
    times = np.arange(_samples(0.4)) / RATE
    echo = chance.normal(size=len(times)) * np.exp(-6.9 * times / 0.4)
    echo[0] = 6.0
    size = 1 << (len(samples) + len(echo)).bit_length()
    sound = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)[: len(samples)]
    sound *= np.abs(samples).max() / max(np.abs(sound).max(), 1e-9)
    noise = chance.normal(0, np.sqrt(np.mean(sound**2)) / 10, len(sound))
    return (sound + noise).astype(np.float32)
