"""Moments at which a speaker falls quiet: in the middle of a sentence, or because the turn is over.

Recordings of people are cut at pauses of their own; hibari's speech at the beginnings of words, or it comes in parts
between which somebody hesitates. Every clip and every text belongs to one of two halves: lists and thresholds were
chosen on `CHOSEN`, and figures come from `REPORTED`. Of those, the transcripts of half had been looked at before the
lists were written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from hushd_worker_stt.audio.level import RunningGain
from hushd_worker_stt.segmentation.endpoint import FRAME, Endpointer, State
from hushd_worker_stt.segmentation.vad import Silero

from ..stage import recording
from ..utterances import UTTERANCES
from .live import RATE, Samples, load

CHOSEN, REPORTED = "chosen", "reported"
PEOPLE, HIBARI = GROUPS = ("people", "hibari")
QUIET_S = 0.2  # behind the last sound of a moment
_GAP = 4  # frames of quiet in a recording that make a pause of its own: 0.13 s
_LEAST_S = 0.7  # of speech before a pause within a sentence
_SEED = 25

# What people say to a machine, or about their day; `|` is a hesitation. Written before anything was measured.
_TURNS = """
I would like to book a table for | um | four people on Friday.
Can you remind me to call | my sister | at half past six?
My number is five five five | one two | three four.
So the thing is | I never really | wanted to move.
What is the weather like in | uh | Lisbon this week?
Set a timer for twenty | five minutes.
I was thinking that | we could go to the lake | if it doesn't rain.
No.
Yes, please.
Turn off the lights in the | kitchen and the hall.
It costs about two hundred and | fifty dollars.
She said she would come, but | I'm not sure she meant it.
Send a message to David | and tell him | I'm running late.
Thanks, that's all.
Could you play something by | Ella Fitzgerald?
The password is | capital R | seven | lowercase q.
I need flour, eggs, | milk, and | some butter.
Well | I suppose we could try | the other one.
Who won the match last night?
Because | the train was late, | I missed the meeting.
Let me think.
I'm looking for a book about | the history of | bridges.
Read me the last email from | my landlord.
Not today.
Put it on my calendar for the | third of | November at nine.
When I get home, | I want the heating to be | at twenty one degrees.
How do you spell necessary?
Actually, | could you make that | two tickets instead of three?
We drove to the coast and | then we had lunch at a | tiny place near the harbour.
I don't know.
The address is forty two | Maple Street.
Tell me a joke.
He asked whether | the shop would be open | on Sunday.
Move the file into the | folder with | the old photos.
I think so, yes.
Is there a pharmacy near | the station that | opens before eight?
Delete the second paragraph and | make the first one | shorter.
My appointment is at a quarter | to three.
That sounds great.
I want to learn how to | um | bake bread without | yeast.
Stop the music.
The reason I'm calling is | that my order | hasn't arrived.
How far is it from Boston to | New York?
Okay.
Write that down for me.
It happened on the fifth of | July | nineteen ninety | eight.
I would rather | stay here | with the children.
Which of these is | the cheapest?
You can leave the parcel with | my neighbour, | she is always home.
Never mind.
"""

# Of the other half: written once the rules stood for the first, and looked at only as figures.
_TURNS_REPORTED = """
Could you tell my wife that | I'll be home | a bit later?
Remind me on Thursday to | water the plants.
I think we should | uh | take the earlier flight.
Order number six one | four nine | two.
Maybe.
It's somewhere between the library and | the old post office.
Would you | read that back to me?
If the meeting runs late | we will have to | order something.
Turn the volume down.
I've been waiting for | almost | forty minutes.
The doctor told me to take it | twice a day.
Where is the nearest petrol station?
So | um | what I wanted to ask was | whether you deliver.
No, thank you.
Add coffee, | bread and | a dozen eggs to the list.
They moved here when | the children were small.
You can reach me at | eight zero zero | five five five.
That's right.
I'd like the blue one, | not the green one.
Open the garage.
We could meet at the museum | or | outside the station.
My brother works for a | company that makes | bicycles.
What time does it close?
Play the next one.
He paid three thousand | four hundred | for the car.
Can I change | my booking to | the following week?
I agree with you.
Let's start with the | easy questions.
The problem with | your idea is that | nobody has the time.
Good morning.
"""

_ENDGAME = "endgame_nagg_nell.wav"  # two speakers in turns, most of a sentence
_BETWEEN_S = 0.55  # of quiet between their turns; within one it is a third of that


@dataclass
class Moment:
    """The sound up to a pause.

    Attributes:
        group: `people` or `hibari`.
        source: the clip or text.
        samples: of the turn, with `QUIET_S` of the same room's quiet behind it.
        over: the turn is over; else its speaker goes on.
        language: of the speech.
        half: `CHOSEN` or `REPORTED`.
    """

    group: str
    source: str
    samples: Samples
    over: bool
    language: str
    half: str


def moments(audio: Path | None) -> list[Moment]:
    """All moments: hibari's, of the wheel's recordings, and with --audio of its clips."""
    return [*_spoken(), *_recorded(audio)]


def _recorded(audio: Path | None) -> Iterator[Moment]:
    clips = sorted(audio.glob("fleurs-*.ogg")) if audio else []
    for clip in clips:
        half = CHOSEN if int(clip.stem[-3:]) % 4 == 0 else REPORTED
        yield from _turn(load(clip), clip.stem, clip.stem.split("-")[1], half)
    if audio and (speech := audio / "jfk.flac").exists():
        yield from _turn(load(speech), speech.stem, "en", REPORTED)
    yield from _turn(load(recording("two_cities.wav"))[int(1.8 * RATE) :], "two_cities", "en", REPORTED)
    yield from _endgame()


def _turn(samples: Samples, source: str, language: str, half: str) -> Iterator[Moment]:
    """The pauses of one recording, whose end is the turn's."""
    stretches = _speech(samples)
    first = stretches[0][0]
    for (_, end), (after, last) in pairwise(stretches):
        if end - first >= _LEAST_S * RATE and last - after >= 0.3 * RATE:
            quiet = samples[end:after]
            yield Moment(PEOPLE, source, _with_quiet(samples[first:end], quiet), False, language, half)
    end = stretches[-1][1]
    yield Moment(PEOPLE, source, _with_quiet(samples[first:end], samples[end:]), True, language, half)


def _endgame() -> Iterator[Moment]:
    """The ends of the turns of a dialogue: those of odd numbers belong to the one half, the others to the other."""
    samples = load(recording(_ENDGAME))
    stretches = _speech(samples)
    begin = stretches[0][0]
    number = 0
    for (_, end), after in zip(stretches, [*(each[0] for each in stretches[1:]), len(samples)], strict=True):
        if after == len(samples) or after - end >= _BETWEEN_S * RATE:
            half = (CHOSEN, REPORTED)[number % 2]
            yield Moment(PEOPLE, _ENDGAME, _with_quiet(samples[begin:end], samples[end:after]), True, "en", half)
            begin, number = after, number + 1


def _spoken() -> Iterator[Moment]:
    from hushd_worker_tts.engines.hibari import Hibari

    rng = np.random.default_rng(_SEED)
    engine = Hibari("en")
    engine.load(lambda note: None)
    (voice,) = [each for each in engine.voices() if each.name == "heart"]

    def speak(text: str) -> tuple[Samples, list[float]]:
        import soxr

        chunks = list(engine.synthesize(text, voice, 1.0))
        sound = np.concatenate([chunk.samples for chunk in chunks])
        sound = soxr.resample(sound, chunks[0].rate, RATE).astype(np.float32)
        return _trimmed(sound), [time for _, time in chunks[0].marks]

    for number, utterance in enumerate(UTTERANCES):
        half = (CHOSEN, REPORTED)[number % 2]
        samples, starts = speak(utterance.text)
        for start in sorted(rng.choice(starts[2:-1], min(2, len(starts[2:-1])), replace=False)):
            yield Moment(HIBARI, utterance.text, _cut(samples, float(start)), False, "en", half)
        yield Moment(HIBARI, utterance.text, _with_quiet(samples), True, "en", half)
    for text in (*_TURNS.strip().splitlines(), *_TURNS_REPORTED.strip().splitlines()):
        half = CHOSEN if text in _TURNS else REPORTED
        parts = [part.strip() for part in text.split("|")]
        sound = np.zeros(0, np.float32)
        for part in parts[:-1]:
            sound = np.concatenate((sound, speak(part.rstrip(",") + ",")[0]))
            yield Moment(HIBARI, text, _with_quiet(sound), False, "en", half)
            sound = _with_quiet(sound, seconds=float(rng.uniform(0.3, 0.8)))
        yield Moment(HIBARI, text, _with_quiet(np.concatenate((sound, speak(parts[-1])[0]))), True, "en", half)


def _cut(samples: Samples, at: float) -> Samples:
    """Speech that breaks off at a second, within 10 ms."""
    sound = samples[: int(at * RATE)].copy()
    sound[-160:] *= np.linspace(1, 0, 160, dtype=np.float32)
    return _with_quiet(sound)


def _trimmed(samples: Samples) -> Samples:
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[: loud[-1] + 1]


def _with_quiet(samples: Samples, quiet: Samples | None = None, seconds: float = QUIET_S) -> Samples:
    """`samples` with the room's quiet behind them, repeated to `seconds`; without a room, with faint noise."""
    count = int(seconds * RATE)
    if quiet is None or len(quiet) < RATE // 20:
        quiet = (np.random.default_rng(count).standard_normal(count) * 2e-4).astype(np.float32)
    return np.concatenate((samples, np.resize(quiet, count)))


def _speech(samples: Samples) -> list[tuple[int, int]]:
    """The stretches of speech, from and to which sample, as a live session's voice detector sees them."""
    gain, endpointer = RunningGain(FRAME), Endpointer(60.0, 0.0)
    stretches: list[tuple[int, int]] = []
    with Silero() as detector:
        quiet = 0
        for place in range(0, len(samples) - FRAME + 1, FRAME):
            state = endpointer.feed(detector.feed(gain.apply(samples[place : place + FRAME])))
            if state is State.SPEAKING and not stretches:
                stretches.append((max(0, place - 3 * FRAME), place + FRAME))
            elif state is State.SPEAKING and quiet >= _GAP:
                stretches.append((place, place + FRAME))
            elif state is State.SPEAKING:
                stretches[-1] = (stretches[-1][0], place + FRAME)
            quiet = round(endpointer.quiet_s * RATE / FRAME)
    return stretches
