"""Cases of sounds without a word, even unusual, long or broken ones."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from hushd_worker_wake.engine import RATE

from hushd_conformance.case import Case
from hushd_conformance.working import private_bytes

from .trial import Trial, noise, pcm, wrong

_HOUR_S = 3600
_GROWTH = 8_000_000  # bytes by which an hour may make a process grow, since allocators round
_NOT_NUMBERS = struct.pack("<fff", math.nan, math.inf, -math.inf)
_FOREVER = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80>\0\0\0}\0\0\x02\0\x10\0data\xff\xff\xff\xff"


def _tone(hertz: float, level: float = 0.5) -> bytes:
    return pcm(level * math.sin(2 * math.pi * hertz * at / RATE) for at in range(3 * RATE))


_SOUNDS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "none": ("no sound at all", lambda: b""),
    "one-byte": ("half a sample", lambda: b"\x01"),
    "one-sample": ("one sample", lambda: b"\x01\x02"),
    "odd": ("a sound with half a sample too much", lambda: bytes(2 * RATE + 1)),
    "silence": ("silence", lambda: bytes(20 * RATE)),
    "faint-noise": ("faint noise", lambda: noise(10, 1e-3)),
    "noise": ("noise", lambda: noise(10, 0.1)),
    "loud-noise": ("noise beyond full scale", lambda: noise(10, 1.0)),
    "tone": ("a tone", lambda: _tone(440.0)),
    "low-tone": ("a tone of 20 Hz", lambda: _tone(20.0)),
    "clipped": ("a tone far beyond full scale", lambda: _tone(200.0, 50.0)),
    "constant": ("a constant offset", lambda: array("h", [20_000] * (3 * RATE)).tobytes()),
    "highest": ("the largest sample", lambda: b"\xff\x7f" * (3 * RATE)),
    "lowest": ("the smallest sample", lambda: b"\0\x80" * (3 * RATE)),
    "alternating": ("both extremes in turn", lambda: b"\xff\x7f\0\x80" * (2 * RATE)),
    "clicks": ("a click each second", lambda: (b"\xff\x7f" + bytes(2 * RATE - 2)) * 5),
    "nan": ("floats that are not numbers, sent as samples", lambda: _NOT_NUMBERS * RATE),
    "bytes": ("bytes of any kind", lambda: Random(2).randbytes(6 * RATE)),
    "wav": ("a WAV file's header that promises four gigabytes", lambda: _FOREVER + bytes(RATE)),
    "mp3": ("the beginning of an MP3 file", lambda: (b"\xff\xfb\x90\x64" + Random(3).randbytes(413)) * 60),
    "text": ("a text", lambda: b"404: Not Found\n" * 2000),
}


def cases() -> Iterator[Case[Trial]]:
    """Yields the cases of sounds."""
    for name, (what, make) in _SOUNDS.items():
        yield Case(f"sound.{name}", f"No word is heard in {what}.", partial(_no_word, make))
    yield Case(
        "sound.hour", "An hour of zeros contains no word, and takes no more memory than a minute.", _hour, costly=True
    )


def _no_word(make: Callable[[], bytes], trial: Trial) -> Iterator[str]:
    sound = make()
    answer = trial.hear(sound)
    yield from wrong(answer, "the sound")
    yield from (f"it hears {word['word']!r:.80} at {word['at']:g} s" for word in answer.partials)
    if answer.result and abs(answer.result["duration"] - len(sound) // 2 / RATE) > 0.001:
        yield f"{len(sound) // 2 / RATE:g} s have a reported duration of {answer.result['duration']:g} s"


def _hour(trial: Trial) -> Iterator[str]:
    yield from wrong(trial.hear(bytes(60 * 2 * RATE)), "a minute")
    before = private_bytes()
    second = bytes(2 * RATE)
    words = {"words": list(trial.phrases)} if trial.phrases else {}
    answer = trial.ask(trial.op, (second for _ in range(_HOUR_S)), words)
    yield from wrong(answer, "the hour")
    if answer.partials:
        yield f"it hears {len(answer.partials)} words"
    if (grown := private_bytes() - before) > _GROWTH:
        yield f"the process grows by {grown / 1e6:.0f} MB"
