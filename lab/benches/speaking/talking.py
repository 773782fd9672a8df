"""Measures interruptions, through a real sound server whose microphone is the loudspeaker."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import tempfile
import time
from argparse import Namespace
from array import array
from collections.abc import Iterator
from pathlib import Path
from threading import Timer

import jiwer
import numpy as np
import soundfile
import soxr
from hushd import Client, Conversation
from hushd.dialogue.state import DialogueState, Event
from support.sound_loop import RATE, Monitor
from whisper_normalizer.english import EnglishTextNormalizer

from ..stage import Row, recording, supervisor
from ..utterances import UTTERANCES
from .playing import own_loop, sound_loop

RUNS = 10
ALONE_S = 70.0  # of speech in which nobody speaks
SAID = "Ever tried. Ever failed. No matter. Try again."  # by the person, before a pause of a second
SAID_S = 6.0  # of the recording
FIRST_S = 0.328  # in the recording, where its first sound is
HEARD = 0.001  # of full scale: what is louder in the monitor is a voice
TEXTS = [utterance.text for utterance in UTTERANCES if utterance.kind in ("plain", "questions", "names")]
_NORMALISE = EnglishTextNormalizer()


class Noted(Conversation):
    """A conversation that records when an interruption was noticed."""

    noticed = 0.0

    def _tell(self, turn: DialogueState, event: Event) -> None:
        if event is Event.BEGAN:
            self.noticed = time.monotonic()
        super()._tell(turn, event)


def talk(options: Namespace) -> Iterator[Row]:
    """Its own voice for 70 s, or --minutes; then a person at its level, from their first sound to its silence."""
    if (loop := own_loop()) is None:
        yield Row("talk: noticed", None, "ms", "<= 300", note=f"not installed: {sound_loop.missing()}")
        return
    noticed, silent, wrong, missed = [], [], [], 0
    alone_s = 60 * options.minutes if options.minutes else ALONE_S
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder, loop as made, supervisor(), Client() as client:
        person, path = _person(Path(folder))
        talk = Noted(client)
        talk.say(TEXTS[0])  # both workers are there
        spoken, triggers = 0.0, 0
        while spoken < alone_s:
            said = talk.say(" ".join(TEXTS))
            spoken += said.seconds
            triggers += said.interrupted
        yield Row(f"talk: false triggers in {spoken:.0f} s of speech", triggers, "", "0", ok=not triggers, note=_load())
        rng = random.Random(7)
        for _ in range(RUNS):
            with Monitor(made) as monitor:
                player: list[subprocess.Popen[bytes]] = []
                command = ["paplay", "--property=media.role=phone", str(path)]  # is not made quieter
                Timer(rng.uniform(1.5, 5.0), lambda: player.append(subprocess.Popen(command))).start()  # noqa: B023
                answer = talk.converse(" ".join(TEXTS))
                player[0].wait()
                blocks = list(monitor.blocks)
            if not talk.said.interrupted:
                missed += 1
                continue
            began, ended = _times(blocks, person)
            noticed.append(1000 * (talk.noticed - began))
            silent.append(1000 * (ended - talk.noticed))
            wrong.append(jiwer.wer(_NORMALISE(SAID), _NORMALISE(answer.text) or "-"))
    yield Row("talk: a person not noticed", missed, f"of {RUNS}", "0", ok=not missed)
    for name, times, goal in (("first sound to notice", noticed, 300), ("notice to silence", silent, 100)):
        value = statistics.median(times)
        yield Row(f"talk: {name}", value, "ms", f"<= {goal}", ok=value <= goal, note=f"at most {max(times):.0f} ms")
    yield Row("talk: WER of what interrupts", statistics.mean(wrong), note=f"worst {max(wrong):.2f}", unit="")


def _person(folder: Path) -> tuple[np.ndarray, Path]:
    """A person's first sentences at the loop's rate, so that nothing is done to them, as samples and as a file."""
    samples, rate = soundfile.read(recording("beckett.wav"), dtype="float32")
    samples = soxr.resample(samples[: round(SAID_S * rate)], rate, RATE)
    samples = np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")
    soundfile.write(folder / "person.wav", samples, RATE, "PCM_16")
    return samples.astype(np.float64), folder / "person.wav"


def _times(blocks: list[tuple[float, array[int]]], person: np.ndarray) -> tuple[float, float]:
    """The times of the person's first sound and of the other voice's last one."""
    heard = np.concatenate([np.frombuffer(samples, "<i2") for _, samples in blocks]).astype(np.float64)
    ends = np.cumsum([len(samples) for _, samples in blocks])
    # The clock of the samples: a block never comes before its time.
    origin = min(when - end / RATE for (when, _), end in zip(blocks, ends, strict=True))
    size = 1 << (len(heard) + len(person) - 1).bit_length()
    likeness = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(person, size).conj(), size)
    start = int(np.argmax(likeness[: len(heard) - len(person) // 2]))
    rest = heard.copy()
    part = rest[start : start + len(person)]
    part -= person[: len(part)]
    loud = np.flatnonzero(np.abs(rest) > HEARD * 32768)
    return origin + start / RATE + FIRST_S, origin + int(loud[-1]) / RATE


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"
