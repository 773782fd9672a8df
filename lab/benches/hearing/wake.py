"""Measures wake words: misses, false alarms, the cost of waiting, and words lost after one.

All positives are synthetic, by hibari and, if installed, espeak-ng: there are no recordings of people.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import threading
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import cycle, islice, product
from pathlib import Path

import numpy as np
import psutil
import soundfile
import soxr
from hushd import Client
from hushd_protocol.errors import HushdError
from hushd_wake_words.heard import CHUNK_S, LEAD_S, Wake
from hushd_worker_wake.engine import Listener
from hushd_worker_wake.worker import WakeWorker

from ..stage import Row, mb, supervisor

sys.path.append(str(Path(__file__).parents[3] / "tests"))  # what speaks is the tests' too

from support.commands import RATE, say  # isort: skip

COUNT = 40
HOURS = 10.0
WORDS = ("alexa", "hey jarvis", "hey mycroft", "okay nabu")
VOICES = ("espeak-en", "espeak-en-us", "espeak-en-gb-x-rp", "espeak-en-gb-scotland", "espeak-en-us-nyc")
FLITE = ("awb", "rms", "slt")  # each made of an hour of a person's recordings
RESPELT = {"okay nabu": "okay nah boo"}  # which hibari reads as it is meant
PITCHES = (0.85, 0.92, 1.0, 1.08, 1.15)  # and paces
PACES = (0.85, 0.95, 1.05, 1.2)
LEVEL = 0.1  # effective value of speech
REST_S = 20.0
COMMANDS = (
    "turn on the light in the kitchen",
    "what time is it in London",
    "open the window in the bedroom",
    "stop the music now",
    "play some quiet music",
    "add milk to the shopping list",
    "call my sister this evening",
    "read the news to me",
    "how warm is it outside",
    "close all the doors",
)
_SEEDS = np.random.default_rng(17)


def wake(options: Namespace) -> Iterator[Row]:
    """Wake words: misses of 40 at 20, 10 and 0 dB, false ones in hours of speech, what waiting costs, words lost after
    one with nothing that transcribes loaded. --minutes: of each kind of speech for the false ones; --audio DIR: clips
    of people for these."""
    if find_spec("pymicro_wakeword") is None:
        yield Row("wake", None, "", note="pymicro-wakeword is not installed")
        return
    yield from _rest()
    worker = WakeWorker("micro", "words")
    worker.load(lambda note: None)
    spoken = list(_spoken_words())
    for snr in (20, 10, 0):
        yield _missed(worker, spoken, snr)
    if lifelike := list(_lifelike_words()):
        for snr in (20, 10, 0):
            yield _missed(worker, lifelike, snr, ", flite")
    yield from _false(worker, options)
    yield _lost()


# --- misses -----------------------------------------------------------------------------------------------------------


def _spoken_words() -> Iterator[tuple[str, str, np.ndarray]]:
    """Voice, word and samples of each of the positives."""
    said = [(word, RESPELT.get(word, word).split()) for word in WORDS]
    mine = [("hibari", word, _pitched(say(text), pitch)) for pitch in PITCHES for word, text in said]
    with supervisor(), Client() as client:
        try:
            others = [("espeak-ng", word, _by(client, voice, word)) for voice in VOICES for word in WORDS]
        except HushdError:
            others = []
    yield from islice(cycle([*mine, *others]), COUNT)


def _pitched(samples: np.ndarray, factor: float) -> np.ndarray:
    return np.asarray(soxr.resample(samples, RATE * factor, RATE), np.float32)


def _by(client: Client, voice: str, word: str) -> np.ndarray:
    speech = client.synthesize(f"{word.capitalize()}.", voice=voice, engine="espeak-ng")
    samples = np.frombuffer(b"".join(speech), "<i2").astype(np.float32) / 32768
    return np.asarray(soxr.resample(samples, speech.rate, RATE), np.float32)


def _lifelike_words() -> Iterator[tuple[str, str, np.ndarray]]:
    """The same of three voices at three pitches that ffmpeg has of flite; none where it is built without."""
    for voice, word in product(FLITE, WORDS):
        text = f"flite=text='{RESPELT.get(word, word)}.':voice={voice}"
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", text, "-ac", "1", "-ar", str(RATE), "-f", "s16le", "-"]
        try:
            done = subprocess.run(command, capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return
        samples = np.frombuffer(done.stdout, "<i2").astype(np.float32) / 32768
        yield from ((voice, word, _pitched(samples, pitch)) for pitch in PITCHES[1:4])


def _missed(worker: WakeWorker, spoken: list[tuple[str, str, np.ndarray]], snr: float, whose: str = "") -> Row:
    missed: dict[str, int] = {}
    for kind, word, samples in spoken:
        noise = _noise(len(samples) + 3 * RATE)
        sound = noise * LEVEL * 10 ** (-snr / 20)
        sound[RATE : RATE + len(samples)] += samples / _level(samples) * LEVEL
        if word not in _heard(_listener(worker, word), sound):
            missed[f"{kind}'s {word}"] = missed.get(f"{kind}'s {word}", 0) + 1
    count = sum(missed.values())
    note = f"of {len(spoken)} synthetic words; " + (", ".join(f"{n} {who}" for who, n in missed.items()) or "none")
    limit = len(spoken) // 10
    return Row(f"wake: misses at {snr} dB{whose}", count, "", f"<= {limit}", ok=count <= limit, note=note)


def _noise(count: int) -> np.ndarray:
    """Noise whose power falls as that of rooms does, of effective value 1."""
    spectrum = np.fft.rfft(_SEEDS.normal(size=count))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), 1)), count)
    return np.asarray(shaped / _level(shaped), np.float32)


def _level(samples: np.ndarray) -> float:
    loud = np.abs(samples) > 0.05 * np.abs(samples).max()
    return float(np.sqrt((samples[loud] ** 2).mean()))


def _listener(worker: WakeWorker, *words: str) -> Listener:
    return worker._engine.listener(words, None)


def _heard(listener: Listener, sound: np.ndarray) -> list[str]:
    data = (np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()
    return [each.word for piece in _pieces(data) for each in listener.hear(piece)]


# --- false ones -------------------------------------------------------------------------------------------------------


def _false(worker: WakeWorker, options: Namespace) -> Iterator[Row]:
    """People's clips and prose read by hibari, all of it once: as it is, and every second one over music or noise."""
    hours = (options.minutes or 60 * HOURS) / 60
    if options.audio:
        clips = (_clip(path) for path in sorted(options.audio.rglob("*.*")) if _is_sound(path))
        yield _false_in(worker, "people's clips", clips, hours)
    yield _false_in(worker, "prose read by hibari", map(_read, _sentences()), hours)


def _false_in(worker: WakeWorker, kind: str, sounds: Iterable[np.ndarray], hours: float) -> Row:
    listener, false, done = _listener(worker, *WORDS), [], 0.0
    for sound in map(_in_a_room, sounds, cycle((False, True))):
        false += _heard(listener, sound)
        done += len(sound) / RATE / 3600
        if done >= hours:
            break
    limit = max(1, round(5 * done / HOURS))
    said = ", ".join(f"{false.count(word)} {word}" for word in WORDS if word in false) or "none"
    note = f"{kind}, all four words at once; 5 in 10 h are the goal; {said}"
    return Row(f"wake: false in {done:.1f} h", len(false), "", f"<= {limit}", ok=len(false) <= limit, note=note)


def _in_a_room(samples: np.ndarray, loud: bool) -> np.ndarray:
    samples = samples / max(_level(samples), 1e-6) * LEVEL
    if not loud:
        return samples
    beside = _noise(len(samples)) if _SEEDS.random() < 0.7 else _music(len(samples))
    return np.asarray(samples + beside * LEVEL * 10 ** (-_SEEDS.uniform(0, 25) / 20), np.float32)


def _read(sentence: str) -> np.ndarray:
    return _pitched(say(sentence.split(), _SEEDS.choice(PACES)), _SEEDS.uniform(0.8, 1.25))


def _sentences() -> list[str]:
    """Prose of the documents and of the comments in all installed packages: what has signs of code is left out."""
    root = Path(__file__).parents[3]
    folders = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")]
    sources = sorted({path for folder in folders for path in Path(folder).rglob("*.py")})
    texts = (path.read_text(errors="ignore") for path in [*sorted((root / "docs").glob("*.md")), *sources])
    prose = re.compile(r"(?<=\. )[A-Z][a-z]+(?: [a-z]+,?){5,20}(?=[.:])")
    sentences = {sentence for text in texts for sentence in prose.findall(re.sub(r"[\s#]+", " ", text))}
    return [str(sentence) for sentence in np.random.default_rng(1).permutation(sorted(sentences))]


def _is_sound(path: Path) -> bool:
    return path.suffix[1:].upper() in soundfile.available_formats()


def _clip(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.asarray(soxr.resample(samples.mean(axis=1), rate, RATE), np.float32)


def _music(count: int) -> np.ndarray:
    """Chords of decaying tones, a new one each half second."""
    sound, times = np.zeros(count + 2 * RATE, np.float32), np.arange(2 * RATE) / RATE
    for start in range(0, count, RATE // 2):
        pitches = 110 * 2 ** (_SEEDS.choice(36, 3) / 12)
        tones = sum(np.sin(2 * np.pi * pitch * k * times) / k for pitch in pitches for k in (1, 2, 3))
        sound[start : start + len(times)] += np.exp(-3 * times) * tones
    return np.asarray(sound[:count] / max(_level(sound[:count]), 1e-6), np.float32)


# --- the cost of waiting ----------------------------------------------------------------------------------------------


def _rest() -> Iterator[Row]:
    """A program waits for two words in a room where nobody speaks."""
    noise = (_noise(RATE * int(REST_S + 10)) * 0.01 * 32767).astype("<i2").tobytes()
    tape = Tape(noise)
    with supervisor() as process, Client() as client:
        with _wake(client, tape, "okay nabu", "alexa") as waiting:
            threading.Thread(target=lambda: next(waiting, None), daemon=True).start()
            time.sleep(5.0)
            worker = psutil.Process(next(row.pid for row in client.status().workers if row.pid))
            before, began = sum(worker.cpu_times()[:2]), time.monotonic()
            time.sleep(REST_S)
            share = (sum(worker.cpu_times()[:2]) - before) / (time.monotonic() - began) * 100
            rss, pss = mb(worker)
            hears = sum(row.role == "stt" and row.pid is not None for row in client.status().workers)
        note = f"RSS {rss:.0f} MB; the supervisor has {mb(process)[1]:.0f} MB"
        yield Row("wake: PSS of the worker at rest", pss, "MB", "<= 35", ok=pss <= 35, note=note)
        yield Row("wake: its CPU time, two words", share, "%", "<= 1", ok=share <= 1, note="of one core")
        yield Row("wake: processes that transcribe", hears, "", "0", ok=hears == 0)


class Tape:
    """A microphone that records a sound at its pace, and then silence until it is stopped."""

    rate = RATE
    channels = 1

    def __init__(self, sound: bytes) -> None:
        self._chunks = _pieces(sound)
        self._silence = bytes(int(2 * RATE * CHUNK_S))
        self._due = time.monotonic()
        self._stopped = threading.Event()

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._due += CHUNK_S
        if self._stopped.wait(max(0.0, self._due - time.monotonic())):
            raise StopIteration
        return next(self._chunks, self._silence)

    def stop(self) -> None:
        self._stopped.set()

    close = stop


def _wake(client: Client, tape: Tape, *words: str) -> Wake:
    return Wake(lambda chunks, *, rate: client.detect(chunks, *words, rate=rate), client.floor("wake"), lambda: tape)


# --- in the same breath -----------------------------------------------------------------------------------------------


def _lost() -> Row:
    """A word and a command as one sentence, with nothing that transcribes loaded: the command's words that hushd lost.

    Lost is what the model understands in the very same samples once it is loaded, or in the whole recording where the
    samples begin within a sound or differ from it. What it mishears in them every time is its own, and counted apart.
    """
    lost, misheard, better, tries, unheard, more, examples = 0, 0, 0, 0, 0, 0, []
    words = cycle(("hey jarvis", "hey mycroft", "alexa,", "hey jarvis,"))
    with supervisor() as _, Client() as client:
        for word, command in islice(zip(words, cycle(COMMANDS), strict=False), COUNT):
            samples = say([*word.split(), *command.split()])
            sound = np.concatenate([np.zeros(RATE), samples / _level(samples) * LEVEL, np.zeros(2 * RATE)])
            data = ((sound + _noise(len(sound)) * 0.001) * 32767).astype("<i2").tobytes()
            client.unload("stt")
            if (answer := _after(client, data, word.strip(","))) is None:
                unheard += 1
                continue
            tries += 1
            text, taken, begin_s = answer
            warm = _plain(client.listen(_pieces(taken), rate=RATE).transcript().text)
            whole = _plain(client.transcribe(data, rate=RATE).text)
            missing = [each for each in _plain(command) if each not in _plain(text)]
            torn = _within_sound(sound, begin_s) or not _intact(data, taken, begin_s)
            ours = [each for each in missing if each in warm or (each in whole and torn)]
            lost += len(ours)
            misheard += sum(each in whole for each in missing) - sum(each in whole for each in ours)
            better += sum(each in _plain(text) and each not in whole for each in _plain(command))
            more += len(_plain(text)) > len(_plain(command))
            examples += [f"{word} {command} -> {text}"] if missing else []
    note = f"in {tries} commands; {unheard} wake words missed; {more} with the end of the wake word before them"
    note += f"; loaded, the model mishears {misheard} that it understands in the whole recording, where it"
    note += f" mishears {better} others"
    note += f"; {'; '.join(examples[:4])}" if examples else ""
    return Row("wake: words lost after the word, cold", lost, "", "0", ok=lost == 0, note=note)


def _within_sound(sound: np.ndarray, second: float) -> bool:
    """Returns whether a cut at `second` takes away the beginning of a sound that goes on after it."""
    edge = sound[round(second * RATE) : round((second + 0.02) * RATE)]
    return second > 1.0 and float(np.sqrt((edge**2).mean())) > LEVEL / 10


def _intact(data: bytes, taken: bytes, second: float) -> bool:
    """Returns whether silence and then the recording from `second` on were heard, and silence after its end."""
    lead, begin = bytes(2 * round(LEAD_S * RATE)), 2 * round(second * RATE)
    return (lead + data[begin:] + bytes(len(taken))).startswith(taken)


def _after(client: Client, data: bytes, word: str) -> tuple[str, bytes, float] | None:
    """The text of what follows the word, its samples, and where in the recording they begin, in seconds."""
    with _wake(client, Tape(data), word) as waiting:
        timer = threading.Timer(len(data) / 2 / RATE + 10, waiting.close)
        timer.start()
        heard = next(waiting, None)
        timer.cancel()
        if heard is None:
            return None
        taken: list[bytes] = []
        text = client.listen(_noted(heard.sound(), taken), rate=heard.rate).transcript().text
        return text, b"".join(taken), heard._end


def _noted(chunks: Iterable[bytes], taken: list[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        taken.append(chunk)
        yield chunk


def _pieces(data: bytes) -> Iterator[bytes]:
    step = int(2 * RATE * CHUNK_S)
    return (data[start : start + step] for start in range(0, len(data), step))


def _plain(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())
