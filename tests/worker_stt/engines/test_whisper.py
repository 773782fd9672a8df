"""The engines `whisper` and `faster-whisper` on a real, very small checkpoint: real words, and everything that can be
wrong with a model's files."""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hushd_models import catalogue
from hushd_models.manifest import File, Manifest, Source
from hushd_models.store import Store
from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths
from hushd_protocol.system.cgroup import Limit
from hushd_schema.engines import whisper as whisper_files
from hushd_worker.compute_device import threads
from hushd_worker.job import Cancelled
from hushd_worker_stt.engine import DetectedLanguage, Model, Options, Segment
from hushd_worker_stt.engines.faster_whisper import FasterWhisper
from hushd_worker_stt.engines.together_model import TogetherModel
from hushd_worker_stt.engines.whisper import Whisper
from hushd_worker_stt.engines.whisper_family import ALIGNMENT
from hushd_worker_stt.engines.whisper_family import words as timed_words
from hushd_worker_stt.engines.whisper_window import Doubtful, Window
from hushd_worker_stt.registry import REGISTRY
from hushd_worker_stt.worker import SpeechToText
from support import real_weights
from support.commands import RATE, multilingual_checkpoint, say, unpack_checkpoint, utterances
from support.peer import BOUND_S
from support.stt_jobs import Asked, make_job, s16le
from support.wer import word_error_rate, words
from support.whisper_models import convert

Engines = dict[str, Any]

# openai-whisper leaves the file of its tokens to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*tiktoken:ResourceWarning")


def needs(engines: str, *packages: str) -> pytest.MarkDecorator:
    """Skips a test where an engine, or the one that makes its small model, is not installed."""
    reason = f"{engines} is not installed: pip install 'hushd[{engines}]'"
    return pytest.mark.skipif(not all(map(find_spec, packages)), reason=reason)


needs_whisper = needs("whisper", "torch", "whisper")
needs_faster_whisper = needs("faster-whisper,whisper", "ctranslate2", "faster_whisper", "torch", "whisper")


@pytest.fixture(
    params=[pytest.param("whisper", marks=needs_whisper), pytest.param("faster-whisper", marks=needs_faster_whisper)]
)
def name(request: pytest.FixtureRequest) -> str:
    """Each of the two engines that is installed."""
    return str(request.param)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder: the checkpoint `commands` for whisper, its conversions for faster-whisper."""
    folder = tmp_path_factory.mktemp("models")
    checkpoint = unpack_checkpoint(folder / "whisper" / "commands.pt")
    if find_spec("ctranslate2") and find_spec("whisper"):
        convert(checkpoint, folder / "faster-whisper" / "commands", "int8")
        convert(checkpoint, folder / "faster-whisper" / "commands-float32", "float32")
    return folder


@pytest.fixture(autouse=True)
def _only_these_models(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own models and caches are out of sight, and the network must not be used."""

    def forbidden(*arguments: object) -> None:
        raise OSError("the network was used")

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(models))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for variable in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)


@pytest.fixture(scope="session")
def engines() -> Engines:
    return {}


@pytest.fixture
def engine(name: str, engines: Engines) -> Any:
    if name not in engines:
        engines[name] = load(name, "commands")
        if name == "whisper":
            # More threads than one mostly wait for each other, with a model this small.
            engines[name]._torch.set_num_threads(1)
    engines[name].economy = engines[name].degraded = False
    return engines[name]


@pytest.fixture(scope="session")
def forty() -> list[tuple[str, np.ndarray]]:
    """Forty unseen utterances."""
    return utterances(40)


@pytest.fixture
def spoken(name: str, forty: list[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
    """Returns as many as the engine hears in a few seconds."""
    return forty[:16] if name == "whisper" else forty


Texts = Callable[[str, Any, list[tuple[str, np.ndarray]]], list[str]]


@pytest.fixture(scope="session")
def texts() -> Texts:
    """The transcripts of utterances by an engine with the model `commands` and default settings: made once."""
    heard: dict[str, list[str]] = {}

    def of(name: str, engine: Any, spoken: list[tuple[str, np.ndarray]]) -> list[str]:
        if len(heard.get(name, [])) < len(spoken):
            heard[name] = [text(engine, audio) for _, audio in spoken]
        return heard[name][: len(spoken)]

    return of


def load(name: str, model: str) -> Any:
    made = REGISTRY.find(name)()
    made.load(model, lambda note: None)
    return made


def text(engine: Any, samples: np.ndarray, **options: Any) -> str:
    return " ".join(segment.text for segment in engine.transcribe(samples, Options(**options)))


def refusal(name: str, model: str) -> HushdError:
    """Returns the error of loading `model`: a sentence, and no network."""
    with pytest.raises(HushdError) as caught:
        load(name, model)
    assert "\n" not in caught.value.message
    assert "Traceback" not in caught.value.message
    assert "the network was used" not in caught.value.message
    return caught.value


def test_unseen_utterances_are_understood(
    name: str, engine: Any, spoken: list[tuple[str, np.ndarray]], texts: Texts
) -> None:
    """The default settings have at most four words in a hundred wrong."""
    said = " ".join(said for said, _ in spoken)
    assert word_error_rate(said, " ".join(texts(name, engine, spoken))) <= 0.04


def test_words_have_times(engine: Any, spoken: list[tuple[str, np.ndarray]]) -> None:
    """They are in order, within the audio, make up the text, and asking for them costs next to none of it."""
    wrong, away = [], []
    for said, audio in spoken[: len(spoken) // 2]:
        (segment,) = engine.transcribe(audio, Options(word_times=True))
        wrong.append(word_error_rate(said, segment.text))
        if not segment.words:
            continue
        assert " ".join(word.text for word in segment.words) == segment.text
        times = [time for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[0] >= 0.0
        assert times[-1] <= len(audio) / RATE
        # These words are of much the same length: where each of them ought to be is known well enough.
        step = len(audio) / RATE / len(segment.words)
        away += [abs((word.start + word.end) / 2 - (i + 0.5) * step) for i, word in enumerate(segment.words)]
    assert np.mean(wrong) <= 0.05
    assert np.median(away) <= 0.3
    assert all(not segment.words for segment in engine.transcribe(spoken[0][1], Options()))


@pytest.mark.parametrize("word_times", [False, True])
def test_a_batch_has_the_text_of_each_piece(
    name: str, engine: Any, spoken: list[tuple[str, np.ndarray]], word_times: bool
) -> None:
    """Word for word, with the same times, though the pieces have one to three windows, noise or nothing in them."""
    noise = (np.random.default_rng(5).standard_normal(3 * RATE) * 0.3).astype(np.float32)
    speech = [samples for _, samples in spoken]
    gap = np.zeros(20 * RATE, np.float32)
    pieces = [
        *speech[:5], np.concatenate([speech[5], gap, speech[6], gap, speech[7]]), noise, np.zeros(RATE, np.float32),
    ]  # fmt: skip
    options = [Options(word_times=word_times, temperature=0.0, beam=beam) for beam in (5, 5, 1, 5, 5, 5, 5, 2)]
    alone = [list(engine.transcribe(samples, chosen)) for samples, chosen in zip(pieces, options, strict=True)]
    assert sum(bool(segments) for segments in alone) >= 6
    for some, others in zip(engine.transcribe_batch(pieces, options), alone, strict=True):
        near = [pytest.approx(each.log_probability, abs=2e-4) for each in others]  # rounded to four digits
        assert some == [replace(each, log_probability=figure) for each, figure in zip(others, near, strict=True)]


def test_chance_begins_alike_with_each_start(name: str, models: Path, forty: list[tuple[str, np.ndarray]]) -> None:
    """Two workers that have just started decode the same unlikely texts at a high temperature."""
    speech = np.concatenate([samples for _, samples in forty[:8]])
    texts = []
    for temperature in (2.0, 2.0, 0.0):
        engine = load(name, "commands")
        chosen = Options(temperature=temperature, decoder={"best_of": 1})
        texts.append([segment.text for segment in engine.transcribe(speech, chosen)])
    assert texts[0] == texts[1] != texts[2]


@needs_faster_whisper
def test_each_thread_reads_for_its_own_job(models: Path, forty: list[tuple[str, np.ndarray]]) -> None:
    """One of three pieces that a small model reads at once is cancelled and one read with less memory."""
    engine, audio = load("faster-whisper", "commands"), forty[0][1]
    engine.degraded = False
    alone = text(engine, audio)
    assert engine.parallel == min(4, threads())

    def cancelled() -> None:
        raise Cancelled

    def read(which: str) -> tuple[str, bool]:
        engine.economy, engine.degraded = which == "economy", False
        engine.check = cancelled if which == "cancelled" else lambda: None
        together.wait()
        try:
            return text(engine, audio), engine.degraded
        except Cancelled:
            return "cancelled", engine.degraded

    together = Barrier(3, timeout=BOUND_S)
    with ThreadPoolExecutor(3) as pool:
        whole, less, gone = pool.map(read, ("whole", "economy", "cancelled"))
    assert (whole, less[1], gone) == ((alone, False), True, ("cancelled", False))
    assert not engine.degraded


@needs_faster_whisper
def test_what_is_said_is_likelier_than_what_is_not(models: Path, forty: list[tuple[str, np.ndarray]]) -> None:
    """The text that is heard, and that with another word in the place of one, in each of ten utterances."""
    engine = load("faster-whisper", "commands")
    for _, audio in forty[:10]:
        heard = text(engine, audio).split()
        other = " ".join(["seven" if heard[0] != "seven" else "nine", *heard[1:]])
        said, instead = engine.scoring("en")(audio, [" ".join(heard), other])
        assert said > instead + 2


def test_the_language_is_told_only_where_there_are_several(engine: Any, spoken: list[tuple[str, np.ndarray]]) -> None:
    """The checkpoint has the English tokenizer: it says English, and has none to detect."""
    (model,) = (model for model in type(engine).models() if model.name == "commands")
    assert model.languages == ("en",)
    assert engine.detect_language(spoken[0][1]) is None


@pytest.mark.parametrize(
    ("tries", "expected"), [(None, [False, True, False] + [True] * 5), (2, [False, True, False, True]), (1, [False])]
)
def test_a_doubtful_text_is_tried_as_often_as_wanted(
    name: str, spoken: list[tuple[str, np.ndarray]], tries: int | None, expected: list[bool]
) -> None:
    """Six times for a recording, in the whole window, and before that once in a short one, from which none is sampled;
    as often as `tries` says for whoever waits."""
    engine = load(name, "commands")
    frames, texts, check = encoded(name, engine), list[bool](), engine.window.check_sampled

    def record(sampled: bool) -> None:
        texts.append(sampled)
        check(sampled)

    engine.window.check_sampled = record
    list(engine.transcribe(spoken[0][1], Options(tries=tries, decoder={"logprob_threshold": 0.0})))
    assert texts[: len(expected)] == expected
    assert len(frames) == min(len(expected), 2)


def test_a_draft_has_no_more_text_than_its_time(
    name: str, spoken: list[tuple[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft that loops ends with what anybody could have said; a final text is never cut off."""
    said, audio = spoken[0]
    engine = load(name, "commands")
    assert words(text(engine, audio, beam=1, tries=1)) == words(said)
    monkeypatch.setattr("hushd_worker_stt.engines.whisper_family._TOKENS_PER_S", 0)
    monkeypatch.setattr("hushd_worker_stt.engines.whisper_family._SPARE_TOKENS", 1)
    assert len(words(text(engine, audio, beam=1, tries=1))) < len(words(said))
    assert words(text(engine, audio, tries=2)) == words(said)


@needs_faster_whisper
@pytest.mark.parametrize(("available", "calls"), [(10**12, [5]), (100_000_000, [1] * 5)])
def test_texts_by_chance_come_one_by_one_where_memory_is_scarce(
    available: int, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The likeliest of as many is taken, of each window."""
    monkeypatch.setattr("hushd_worker.usage.machine", lambda _: Limit(10**12, available))
    counts: list[int] = []
    scores = itertools.chain([-3.0, -1.0], [-1.0, -4.0], [-2.0, -2.0], [-2.5, -2.0], [-5.0, -9.0])

    def generate(windows: Any, beginnings: list[list[int]], **options: Any) -> list[Any]:
        counts.append(options["num_hypotheses"])
        return [SimpleNamespace(scores=[next(scores)]) for _ in beginnings]

    model = TogetherModel(
        SimpleNamespace(generate=generate, device="cpu"), pytest.importorskip("ctranslate2"), Window()
    )
    heard = model._generated(None, [[1], [2]], {"num_hypotheses": 5})
    assert counts == calls
    assert [result.scores for result in heard] == ([[-1.0], [-1.0]] if len(calls) > 1 else [[-3.0], [-1.0]])


@pytest.mark.parametrize(
    ("piece", "left", "rest"), [(1640, 12, True), (1640, 99, True), (1640, 100, False), (99, 99, False), (0, 12, False)]
)
def test_a_rest_is_what_is_left_of_a_longer_piece(piece: int, left: int, rest: bool) -> None:
    """A short piece is read whatever its length, and so is a sound that belongs to none."""
    sound = np.zeros((1, 80, 3000), np.float32)
    sound[..., :left] = 0.5
    window = Window()
    window.frames = piece
    assert window.is_rest(sound) is rest


def test_a_window_is_encoded_again_for_another_sound_alone() -> None:
    """The same sound has the encoding that is there; another one, of another length too, gets its own."""
    window, given = Window(), list[np.ndarray]()
    sound = np.ones((1, 80, 3000), np.float32)
    for each in (sound, sound.copy(), sound[..., :1], sound[..., :1] / 2):
        window.encode(each, given.append)
    assert [(part.shape[-1], float(part.max())) for part in given] == [(3000, 1.0), (1, 1.0), (1, 0.5)]


def test_a_text_by_chance_is_of_the_whole_window_alone() -> None:
    """A short window of which the package doubts its text is given up for the whole one, which is encoded once; speech
    that fills the window, or economy of it that nobody asked for, is never short."""
    window, given = Window(), list[np.ndarray]()
    sound = np.zeros((1, 80, 3000), np.float32)
    sound[..., :150] = 0.5
    window.encode(sound, given.append)
    window.check_sampled(True)
    assert (window.shortened, window.encode_whole()) == (False, False)
    for seconds, short in ((26.9, False), (25.0, True), (1.5, True)):
        sound = np.zeros((1, 80, 3000), np.float32)
        sound[..., : round(seconds * 100)] = 0.5
        window.short, window.shortened = True, False
        window.encode(sound, given.append)
        window.check_sampled(False)
        with pytest.raises(Doubtful) if short else nullcontext():
            window.check_sampled(True)
        assert (window.shortened, window.encode_whole(), window.encode_whole()) == (short, short, False)
        assert not window.shortened
        assert np.array_equal(given[-1], sound), "a whole window is the package's own"
        window.check_sampled(True)
    assert [part.shape[-1] for part in given] == [3000, 3000, 2800, 3000, 1200, 3000]


def test_the_rest_behind_the_last_sentence_is_not_read(name: str, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both packages read on where a text has ended, though little is left; no model is asked."""
    rest = np.zeros((80, 3000), np.float32)
    rest[:, :40] = 0.5
    monkeypatch.setattr(engine.window, "encode", None)

    def segments() -> Iterator[Any]:
        yield SimpleNamespace(seek=0, start=0.0, end=1.6, text=" four left", words=None, avg_logprob=-0.1)
        yield engine._model.model.encode(engine._ctranslate2.StorageView.from_array(rest[None]))

    def transcribe(model: Any, *_: Any, **__: Any) -> Any:
        if name == "faster-whisper":
            return segments(), None
        left = engine._decode_together(engine._torch.from_numpy(rest), None)
        one = {"seek": 0, "start": 0.0, "end": 1.6, "text": " four left", "avg_logprob": -0.1}
        return {"segments": [one, one | {"text": left.text}]}

    monkeypatch.setattr(engine._model if name == "faster-whisper" else engine._whisper, "transcribe", transcribe)
    assert text(engine, np.full(2 * RATE, 0.1, np.float32)) == "four left"


@needs_whisper
def test_a_window_is_encoded_once_for_its_language_and_all_its_texts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The encoding is half of the work of a recording: for its language, its text, and whatever else is tried; the next
    one is encoded anew."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    (tmp_path / "whisper").mkdir()
    checkpoint = multilingual_checkpoint(tmp_path / "whisper" / "many.pt")
    if name == "faster-whisper":
        convert(checkpoint, tmp_path / "faster-whisper" / "many", "int8")
    engine = load(name, "many")
    windows = encoded(name, engine)
    for times, said in enumerate((["four", "left"], ["one", "two"]), 1):
        samples = say(said)
        detected = engine.detect_language(samples)
        assert detected == DetectedLanguage("de", detected.probability)
        for beam in (5, 1):
            (segment,) = engine.transcribe(samples, Options(language="de", beam=beam))
            assert words(segment.text) == said
            assert segment.language_probability == pytest.approx(detected.probability)
        (segment,) = engine.transcribe(samples, Options(language="de", languages=("de",)))
        assert segment.language_probability == pytest.approx(detected.of_user(["de"], len(samples) / RATE).probability)
        assert len(windows) == times


def test_a_text_too_long_for_its_time_is_read_again(
    name: str, spoken: list[tuple[str, np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short window may have a sentence written twice, the second time in the last moment: the whole window's text is
    taken. What was said as fast as people speak, and what a whole window says, stays."""
    engine = load(name, "commands")
    sound = np.concatenate([spoken[0][1], np.zeros(RATE, np.float32)])
    end = len(sound) / RATE - 0.5
    said = "The office said there were no damages reported in the nation."
    decoded: list[bool] = []

    def decode(again: str) -> Any:
        def texts(samples: np.ndarray, decoding: Any) -> Iterator[Segment]:
            decoded.append(engine.window.short)
            engine.window.shortened = engine.window.short
            yield Segment(0.0, end, said)
            yield Segment(end, end + 5.0, said if len(decoded) == 1 else again)

        return texts

    for quiet_s, again, options, expected, heard in (
        (0, "Yes.", {}, [True, False], "Yes."),
        (0, said, {}, [True, False], said),
        (0, "Yes.", {"temperature": 0.0}, [False], said),
        (2, "Yes.", {}, [True], said),
    ):
        decoded.clear()
        monkeypatch.setattr(engine, "_decode", decode(again))
        *_, last = engine.transcribe(np.pad(sound, (0, quiet_s * RATE)), Options(**options))
        assert (decoded, last.text) == (expected, heard)


@pytest.mark.parametrize(("short", "speech_end_s", "whole", "kept"), [
    (Segment(0.0, 2.0, "Turn off", log_probability=-0.3), 2.0, "Turn off the kitchen light.", "whole"),
    (Segment(0.0, 1.4, "Turn off the kitchen", log_probability=-0.3), 2.0, "Turn off the kitchen light.", "whole"),
    (Segment(0.0, 1.4, "Turn off the kitchen", log_probability=-0.3), None, "Turn off the kitchen light.", "whole"),
    (Segment(0.0, 1.4, "Turn it off.", log_probability=-0.3), 1.5, "Turn it off of the light.", "short"),
    (None, 2.0, "Turn off the kitchen light.", "whole"),
    (Segment(0.0, 2.0, "Turn of the kitchen light.", log_probability=-0.7), 2.0, "Turn off the light.", "whole"),
    (Segment(0.0, 2.0, "Turn off the kitchen light.", log_probability=-0.4), 2.0, "Turn of a kitten, right?", "short"),
    (Segment(0.0, 1.4, "Thank you.", log_probability=-0.9), 2.0, "", "whole"),
])  # fmt: skip
def test_the_text_of_a_short_window_covers_the_speech(
    engine: Any,
    monkeypatch: pytest.MonkeyPatch,
    short: Segment | None,
    speech_end_s: float | None,
    whole: str,
    kept: str,
) -> None:
    """One that ends early, says too little or is unsure gives way to what the package has in its whole window, be it
    nothing; a noise needs no text."""

    def decode(samples: np.ndarray, decoding: Any) -> Iterator[Segment]:
        engine.window.shortened = engine.window.short
        if engine.window.short and short:
            yield short
        elif whole and not engine.window.short:
            yield Segment(0.0, 2.0, whole, log_probability=-0.6)

    monkeypatch.setattr(engine, "_decode", decode)
    sound = np.sin(np.arange(2 * RATE) / 10).astype(np.float32) / 2
    heard = engine.transcribe(sound, Options(speech_end_s=speech_end_s))
    assert "".join(each.text for each in heard) == (whole if kept == "whole" else short and short.text)


def test_behind_the_speech_of_a_short_window_is_silence() -> None:
    """It is features 80 dB below the loudest, where both packages have zeros, as loud as soft speech; a whole window is
    the package's own."""
    rng = np.random.default_rng(1)
    sound = np.zeros((1, 80, 3000), np.float32)
    sound[..., :150] = rng.uniform(-0.5, 1.2, (1, 80, 150))
    window, given = Window(), list[np.ndarray]()
    window.short = True
    window.encode(sound, given.append)
    window.encode_whole()
    assert [part.shape[-1] for part in given] == [1200, 3000]
    assert np.array_equal(given[0][..., :150], sound[..., :150])
    assert given[0][..., 150:].max() == given[0][..., 150:].min() == sound.max() - 2
    assert np.array_equal(given[1], sound)


@pytest.mark.parametrize("as_spoken", [False, True])
@pytest.mark.skipif(bool(reason := real_weights.missing("faster-whisper/base")), reason=reason)
def test_clear_speech_is_encoded_once(as_spoken: bool, beckett: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's ten seconds cost one window, also where they come as a microphone's do: work that is done twice shows
    here, not in the next benchmark. It was five windows for those, 98 s instead of 14."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(real_weights.home()))
    monkeypatch.setattr("hushd_worker_stt.transcription._AS_SPOKEN", 1e6)  # however slow this machine is
    worker = SpeechToText("faster-whisper", "base")
    worker.load(lambda note: None)
    windows = encoded("faster-whisper", worker.engine)
    data = s16le(beckett)
    chunks = [data[at : at + 6_400] for at in range(0, len(data), 6_400)]
    worker.run(make_job(chunks, {"format": "s16le", "language": "en", "as_spoken": as_spoken})[0])
    assert windows == [1400]


@pytest.mark.parametrize(("found", "expected"), [
    ([" demander", " d", "'assumer", " demain."], ["demander", "d'assumer", "demain."]),
    ([" Est", "-ce", "-lui", "?"], ["Est-ce-lui", "?"]),
    ([" aujourd", "\u2019hui"], ["aujourd\u2019hui"]),
    (["'Tis", " -", " so"], ["'Tis", "-", "so"]),
    (["\u4f60", "\u597d"], ["\u4f60", "\u597d"]),
    ([], []),
])  # fmt: skip
def test_a_word_is_whole(found: list[str], expected: list[str]) -> None:
    """Both packages begin a word at an apostrophe or a hyphen: a subtitle's line would end there. Its times are from
    the first part to the last, and it is as sure as its least sure part."""
    parts = [(text, float(n), n + 0.5, 0.9 - n / 10) for n, text in enumerate(found)]
    joined = timed_words(parts)
    assert [word.text for word in joined] == expected
    if joined:
        assert (joined[0].start, joined[-1].end) == (0.0, parts[-1][2])
        assert joined[-1].probability == parts[-1][3]


def encoded(name: str, engine: Any) -> list[int]:
    """Records the frames of each window that the encoder reads."""
    frames: list[int] = []
    if name == "whisper":
        engine._model.encoder.register_forward_hook(lambda _, window, out: frames.append(window[0].shape[-1]))
        return frames
    together = engine._model.model
    model = together._model

    def encode(features: Any) -> Any:
        frames.append(features.shape[-1])
        return model.encode(features)

    together._model = SimpleNamespace(
        encode=encode, generate=model.generate, detect_language=model.detect_language,
        is_multilingual=model.is_multilingual, device="cpu", device_index=[0],
    )  # fmt: skip
    return frames


def test_a_window_is_as_long_as_its_speech(name: str, spoken: list[tuple[str, np.ndarray]]) -> None:
    """The encoder's work is by the length of a window: 12 s for a short one. A doubtful text from it is followed by the
    whole window's, and where none would follow it is whole at once."""
    engine = load(name, "commands")
    frames = encoded(name, engine)
    said, audio = spoken[0]
    doubtful = {"logprob_threshold": 0.0}
    long = np.concatenate([audio, np.zeros(20 * RATE, np.float32), np.full(RATE, 1e-3, np.float32)])
    for sound, options, expected in (
        (audio, {}, [1200]),
        (spoken[1][1], {"decoder": doubtful}, [1200, 3000]),
        (spoken[2][1], {"temperature": 0.0}, [3000]),
        (spoken[2][1], {}, []),  # what is encoded whole serves again
        (long, {"decoder": {"condition_on_previous_text": False}}, [2600]),
    ):
        frames.clear()
        list(engine.transcribe(sound, Options(**options)))
        assert frames[: len(expected) or 1] == expected
    assert words(text(engine, audio)) == words(said)


@pytest.mark.parametrize(
    "options",
    [
        {"beam": 1}, {"beam": 8}, {"temperature": 0.0}, {"temperature": 0.0, "beam": 1}, {"language": "en"},
        {"decoder": {"best_of": 3, "patience": 2.0, "length_penalty": 0.5, "temperature_increment": 0.5}},
        {"decoder": {"compression_ratio_threshold": "off", "logprob_threshold": "off", "no_speech_threshold": "off"}},
        {"decoder": {"compression_ratio_threshold": 2.4, "logprob_threshold": -1, "no_speech_threshold": 0.6}},
        {"decoder": {"condition_on_previous_text": True, "threads": 1}},
        {"word_times": True, "decoder": {
            "prepend_punctuations": "(", "append_punctuations": ".)", "hallucination_silence_threshold": 2.0}},
    ],
)  # fmt: skip
def test_options_leave_clear_speech_as_it_is(engine: Any, options: dict[str, Any]) -> None:
    """Both packages take whatever a command line for openai-whisper says, and hear the same words."""
    assert words(text(engine, say(["four", "left"]), **options)) == ["four", "left"]
    assert not engine.degraded


def test_prompt_and_hotwords_reach_the_model(name: str, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are given to the decoder, cut to the half of its room that they may take, the hotwords whole."""
    asked = decoded_with(name, engine, monkeypatch)

    def first(**options: str) -> dict[str, Any]:
        asked.clear()
        text(engine, say(["one", "two"]), **options)
        return asked[0]

    short = first(prompt="Left or right?", hotwords="Estragon, Vladimir")
    long = first(prompt="right " * 330, hotwords="Estragon, Vladimir")
    assert "Left or right?" in short["prompt"]
    for one in (short, long):
        assert "Estragon, Vladimir" in one["prompt"]
    for one in (long, first(hotwords="Vladimir " * 220)):
        assert one["tokens"] <= 226  # with the three that say what follows
    assert long["tokens"] > 200


def decoded_with(name: str, engine: Any, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Records the calls of the package's decoder; of a fallback the first attempt."""
    asked: list[dict[str, Any]] = []
    model = engine._model

    def note(tokenizer: Any, prompt: list[int]) -> None:
        asked.append({"prompt": tokenizer.decode(prompt), "tokens": len(prompt)})

    if name == "whisper":
        tokenizer = engine._whisper.tokenizer.get_tokenizer(False)
        decode = model.decode

        def watched(window: Any, options: Any) -> Any:
            note(tokenizer, list(options.prompt or [])[-223:])
            return decode(window, options)

        monkeypatch.setattr(model, "decode", watched)
    else:
        generate = model.generate_with_fallback

        def watching(encoded: Any, prompt: list[int], tokenizer: Any, options: Any) -> Any:
            note(tokenizer, prompt)
            return generate(encoded, prompt, tokenizer, options)

        monkeypatch.setattr(model, "generate_with_fallback", watching)
    return asked


def test_translation_has_no_word_times(engine: Any, spoken: list[tuple[str, np.ndarray]]) -> None:
    """Words of a translation were never said: they come without times. English stays English."""
    said, audio = spoken[0]
    segments = list(engine.transcribe(audio, Options(translate=True, word_times=True)))
    assert word_error_rate(said, " ".join(segment.text for segment in segments)) == 0.0
    assert not any(segment.words for segment in segments)


# --- the models folder and the caches --------------------------------------------------------------------------------


def test_models_of_the_users_own_are_listed(name: str) -> None:
    """The models folder's come after the well-known ones, with their languages, and can be loaded."""
    engine = REGISTRY.find(name)
    own = {model.name: model for model in engine.models() if model.name.startswith("commands")}
    assert set(own) == ({"commands"} if name == "whisper" else {"commands", "commands-float32"})
    assert all(model.languages == ("en",) and 100 < model.memory_mb < 600 for model in own.values())
    assert engine.installed("commands")
    assert not engine.installed("base")


@needs_faster_whisper
@needs_whisper
def test_what_the_packages_know_is_what_we_say() -> None:
    """Names, languages and places on the hub are those of the packages."""
    import whisper
    from faster_whisper.utils import _MODELS

    assert {model.name for model in Model.well_known(Whisper.SPEC)} == set(whisper.available_models())
    every = [known for known in catalogue.models().values() if known.engine == "faster-whisper"]
    assert {name: known.repository for known in every for name in known.names} == _MODELS
    for known in catalogue.models().values():
        if known.engine == "whisper":
            for model in known.names:
                assert f"{known.url}/{known.files[0].needed[0]}" == whisper._MODELS[model]
            assert known.url.endswith(known.sha256[known.files[0].needed[0]])
    assert tuple(whisper.tokenizer.LANGUAGES) == whisper_files.LANGUAGES
    assert whisper._ALIGNMENT_HEADS == ALIGNMENT


def test_a_download_in_the_packages_cache_is_enough(name: str, models: Path, tmp_path: Path) -> None:
    """Weights that another program fetched are found and loaded without any network."""
    assert not REGISTRY.find(name).installed("tiny.en")
    if name == "whisper":
        cache = tmp_path / "cache" / "whisper"
        cache.mkdir(parents=True)
        shutil.copy(models / "whisper" / "commands.pt", cache / "tiny.en.pt")
    else:
        hub = tmp_path / "cache" / "huggingface" / "hub" / "models--Systran--faster-whisper-tiny.en"
        shutil.copytree(models / "faster-whisper" / "commands", hub / "snapshots" / "abc")
        (hub / "refs").mkdir()
        (hub / "refs" / "main").write_text("abc")
    assert REGISTRY.find(name).installed("tiny.en")
    assert words(text(load(name, "tiny.en"), say(["yes", "no"]))) == ["yes", "no"]


def test_the_models_folder_comes_first(
    name: str, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A well-known name in the models folder is that file, and is listed once."""
    (tmp_path / name).mkdir()
    source = next((models / name).glob("commands*"))
    place = tmp_path / name / source.name.replace(source.stem, "tiny.en")
    shutil.copytree(source, place) if source.is_dir() else shutil.copy(source, place)
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    assert [model.name for model in REGISTRY.find(name).models()].count("tiny.en") == 1
    assert REGISTRY.find(name).find("tiny.en") == place
    assert REGISTRY.find(name).installed("tiny.en")


def test_what_is_not_there_is_said_in_a_sentence(name: str) -> None:
    """It says which model lacks its weights, the command that gets it, and what that costs. Nothing is downloaded."""
    with pytest.raises(HushdError) as caught:
        load(name, "base")
    assert caught.value.code == "model_missing"
    assert caught.value.message == (
        f"The model {name}/base is not on this machine: `hushd models pull {name}/base` gets it (about 148 MB, MIT)."
    )


def test_what_hushd_has_brought_is_found_by_its_manifest(name: str, models: Path, tmp_path: Path) -> None:
    """Wherever its files are, under the name it was given, well-known or not."""
    source = next(path for path in (models / name).iterdir() if path.name.startswith("commands"))
    folder = tmp_path / "elsewhere" / "abc"
    files = source.iterdir() if source.is_dir() else [source]
    folder.mkdir(parents=True)
    contents = {file.name: shutil.copy(file, folder) and file.read_bytes() for file in files}
    kept = {file: File(len(data), hashlib.sha256(data).hexdigest()) for file, data in contents.items()}
    try:
        for model in ("mine", "tiny.en"):
            found = Manifest(name, model, "stt", Source("url", "http://x"), kept, str(folder))
            Store(paths.find()).write(found)
            assert REGISTRY.find(name).installed(model)
            assert words(text(load(name, model), say(["yes", "no"]))) == ["yes", "no"]
        assert [m.languages for m in REGISTRY.find(name).models() if m.name == "mine"] == [("en",)]
    finally:
        for manifest in (models / name).glob("*.hushd.json"):
            manifest.unlink()


# --- broken files ----------------------------------------------------------------------------------------------------


def broken_checkpoints(whole: Path) -> dict[str, bytes]:
    good = whole.read_bytes()
    return {
        "empty": b"", "half": good[: len(good) // 2], "without its end": good[:-1000],
        "a web page": b"<html>404</html>" * 100, "a hole": good[:200_000] + bytes(100_000) + good[300_000:],
    }  # fmt: skip


@needs_whisper
def test_broken_checkpoints_are_a_sentence(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with the file: `model_missing`, with its name and what to do; it is listed all the same."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    place = tmp_path / "whisper" / "mine.pt"
    place.parent.mkdir()
    for kind, content in broken_checkpoints(models / "whisper" / "commands.pt").items():
        place.write_bytes(content)
        assert "mine" in [model.name for model in Whisper.models()], kind
        if kind == "a hole":  # torch reads past it
            continue
        error = refusal("whisper", "mine")
        assert error.code == "model_missing", kind
        assert f"replace {place} by a complete copy" in error.message, kind


@needs_whisper
def test_a_checkpoint_cannot_run_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pickle that would make a folder is refused, by the list of models and by the load, and makes none."""
    import torch

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "made"),)

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    (tmp_path / "whisper").mkdir()
    torch.save({"dims": Evil(), "model_state_dict": {}}, tmp_path / "whisper" / "evil.pt")
    assert "evil" in [model.name for model in Whisper.models()]
    assert refusal("whisper", "evil").code == "model_missing"
    assert not (tmp_path / "made").exists()


@needs_faster_whisper
def test_broken_conversions_are_a_sentence(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of CTranslate2 with a damaged or missing file is `model_missing`, and never asks the hub for it."""
    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path))
    place = tmp_path / "faster-whisper" / "mine"
    whole = models / "faster-whisper" / "commands"
    for file, content in (
        ("model.bin", b""),
        ("model.bin", (whole / "model.bin").read_bytes()[:2_000_000]),
        ("model.bin", b"<html>404</html>" * 100),
        ("config.json", b"{"),
        ("tokenizer.json", b"{"),
        ("vocabulary.json", b"["),
    ):
        shutil.copytree(whole, place)
        (place / file).write_bytes(content)
        assert "mine" in [model.name for model in FasterWhisper.models()]
        error = refusal("faster-whisper", "mine")
        assert error.code == "model_missing", (file, content[:20])
        assert f"replace {place} by a complete copy" in error.message
        shutil.rmtree(place)
    shutil.copytree(whole, place)
    (place / "tokenizer.json").unlink()
    assert "mine" not in [model.name for model in FasterWhisper.models()]
    assert not FasterWhisper.installed("mine")


# --- in the worker ---------------------------------------------------------------------------------------------------


def test_resuming_after_any_segment_gives_the_whole(name: str, forty: list[tuple[str, np.ndarray]]) -> None:
    """Its own times are not where pieces end: whichever segment came last, no part of a word comes twice, or never."""
    worker = SpeechToText(name, "commands")
    worker.load(lambda note: None)
    pause = np.zeros(RATE * 5 // 2, np.float32)
    sound = s16le(np.concatenate([samples for _, audio in forty[:6] for samples in (audio, pause)]))

    def run(start: float) -> Asked:
        job, asked = make_job(sound, {"format": "s16le", "speech_pad_s": 0.4, "start_s": start})
        worker.run(job)
        return asked

    whole = run(0.0)
    for number in range(1, len(whole.segments) + 1):
        rest, kept = whole.resumed_at(number)
        assert " ".join(segment["text"] for segment in (*kept, *run(rest).segments)) == whole.text


def test_a_recording_through_the_worker(name: str, forty: list[tuple[str, np.ndarray]]) -> None:
    """Utterances with pauses, as a client sends them: the words, and times that go on and on."""
    worker = SpeechToText(name, "commands")
    capabilities = worker.load(lambda note: None)
    assert capabilities.languages == ("en",)
    assert capabilities.word_times
    # The checkpoint has never heard more than six words at once, nor any soon after its window begins: a pause of
    # 2.5 s ends a piece, and 0.4 s of it are kept before the next.
    parts = [np.concatenate([audio, np.zeros(RATE * 5 // 2, np.float32)]) for _, audio in forty]
    recording = np.concatenate(parts)
    job, asked = make_job(s16le(recording), {"format": "s16le", "word_times": True, "speech_pad_s": 0.4})
    result = worker.run(job)
    assert result["language"] == "en"
    assert result["duration"] == pytest.approx(len(recording) / RATE, abs=0.01)
    # Ten utterances are too few, since a doubtful word is decided by a sample: 12 of these 141 words are
    # wrong with either engine as its speech comes, 10 with each piece levelled to 0.7.
    assert word_error_rate(" ".join(said for said, _ in forty), asked.text) <= 0.1
    times = [(segment["start"], segment["end"]) for segment in asked.segments]
    assert all(start <= end for start, end in times)
    assert all(one[0] <= other[0] for one, other in itertools.pairwise(times))


# Two threads open a film in a process that has imported the engine's package; the first stops at any import of PyAV's
# until the second has PyAV.
TWO_FILMS = """
import sys, threading
from hushd_protocol.errors import HushdError
from hushd_worker import media
from hushd_worker_stt.engines.faster_whisper import FasterWhisper

try:
    FasterWhisper().load("no-such-model", print)
except HushdError as error:
    assert error.code == "model_missing", error
begun, opened, found = threading.Event(), threading.Event(), []

def stop(event, arguments):
    if event == "import" and arguments[0].startswith("av.") and threading.current_thread() is thread:
        begun.set()
        opened.wait(20)

def first():
    found.append(media.pyav("A film").open)
    begun.set()

sys.addaudithook(stop)
thread = threading.Thread(target=first)
thread.start()
begun.wait(30)
try:
    found.append(media.pyav("A film").open)
finally:
    opened.set()
thread.join()
print(found[0] is found[1])
"""


@needs("faster-whisper", "ctranslate2", "faster_whisper")
def test_two_films_are_opened_at_once() -> None:
    """The first two of a fresh worker, by two threads: PyAV is there for both."""
    done = subprocess.run([sys.executable, "-P", "-c", TWO_FILMS], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")
