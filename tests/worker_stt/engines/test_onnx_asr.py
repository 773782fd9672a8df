"""The engine `onnx-asr` on real models, small ones that hear whistled words: right words, right times, no network."""

from __future__ import annotations

import random
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hushd_models.installation import extra_command
from hushd_worker_stt.engine import DetectedLanguage, Model, Options
from hushd_worker_stt.engines import onnx_asr as module
from hushd_worker_stt.engines.onnx_asr import OnnxAsr
from hushd_worker_stt.worker import SpeechToText
from support.refusals import hushd_error
from support.stt_jobs import make_job

asr = pytest.importorskip("onnx_asr.asr", reason="onnx-asr is not installed: pip install 'hushd[onnx-asr]'")

from support import tone_models  # noqa: E402
from support.tone_models import RATE, STEP, whistle  # noqa: E402

PARAKEET = "nemo-parakeet-ctc-0.6b"
REPOSITORY = "istupakov/parakeet-ctc-0.6b-onnx"
PHRASE = ("▁ever", "▁tried", "▁ever", "▁fail", "ed", ".", "▁fail", "▁fail")
TEXT = "ever tried ever failed. fail fail"


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder, no cache of the hub, and a network that must not be used."""

    def forbidden(*arguments: object) -> None:
        raise AssertionError(f"the network was used: {arguments}")

    monkeypatch.setenv("HUSHD_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket.socket, "connect", forbidden)
    return tmp_path / "models" / "onnx-asr"


def loaded(model: str) -> OnnxAsr:
    engine = OnnxAsr()
    engine.load(model, lambda note: None)
    return engine


def text(engine: OnnxAsr, samples: np.ndarray, **options: object) -> str:
    return " ".join(segment.text for segment in engine.transcribe(samples, Options(**options)))


@pytest.mark.parametrize("make", [tone_models.ctc, tone_models.tdt])
def test_whistled_words_and_when_they_were(models: Path, make: object) -> None:
    """Each token of both kinds of decoder is heard, put together into words, and timed to the output frame."""
    engine = loaded(make(models / "mine").name)
    (segment,) = engine.transcribe(whistle(*PHRASE), Options(word_times=True))
    assert segment.text == TEXT == " ".join(word.text for word in segment.words)
    # Five frames from token to token, after six of silence; `failed.` is three tokens.
    begin = [6, 11, 16, 21, 36, 41]
    assert [word.start for word in segment.words] == pytest.approx([frame * STEP / RATE for frame in begin])
    assert all(a.end <= b.start for a, b in zip(segment.words, segment.words[1:], strict=False))
    assert segment.words[3].end == pytest.approx(31 * STEP / RATE + 0.3)
    assert (segment.start, segment.end) == (0.0, pytest.approx(len(whistle(*PHRASE)) / RATE))


@pytest.mark.parametrize("make", [tone_models.ctc, tone_models.tdt])
def test_a_batch_has_the_text_of_each_piece(models: Path, make: object) -> None:
    """Word for word, with the same times, whatever the lengths of the others; nothing is heard in what fills it up, and
    of no pieces there are no answers."""
    engine = loaded(make(models / "mine").name)
    rng = random.Random(3)
    tokens = list(tone_models.PITCHES)
    pieces = [whistle(*rng.choices(tokens, k=count)) for count in (1, 9, 4, 0, 6)]
    options = Options(word_times=True)
    alone = [list(engine.transcribe(samples, options)) for samples in pieces]
    assert engine.transcribe_batch(pieces, [options] * 5) == alone
    assert engine.transcribe_batch([], []) == []
    assert [bool(segments and segments[0].words) for segments in alone] == [True, True, True, False, True]


@pytest.mark.parametrize(("options", "expected"), [
    ({}, "ever tried"),
    ({"language": "en"}, "ever tried"),
    ({"language": "de"}, "je versucht"),
    ({"language": "de", "translate": True}, "ever tried"),
])  # fmt: skip
def test_canary_writes_the_language_it_is_asked_for(models: Path, options: dict[str, object], expected: str) -> None:
    """The language goes into Canary's prompt, and English in its place where a translation is wanted."""
    assert text(loaded(tone_models.canary(models / "mine").name), whistle("▁ever"), **options) == expected


@pytest.mark.parametrize(("own", "said", "told"), [
    (["de"], "je versucht", ""),
    (["fr", "de-AT"], "je versucht", ""),
    (["de", "en"], "je versucht", "read this as German: name the language that is spoken, as in `--language en`"),
    ([], "ever tried", "read this as English: name the language that is spoken, as in `--language de`"),
    (["ja"], "ever tried", "read this as English"),
])  # fmt: skip
@pytest.mark.parametrize("live", [False, True])
def test_canary_reads_the_users_first_language(
    models: Path, own: list[str], said: str, told: str, live: bool, assets: Path
) -> None:
    """It cannot tell which is spoken, and would read all speech as English; it says so to whoever has several."""
    tone_models.canary(models / "mine")
    worker = SpeechToText("onnx-asr", "mine")
    worker.load(lambda note: None)
    samples, rate = soundfile.read(assets / "two_cities.wav", frames=3 * 48_000, dtype="int16")
    params = {"format": "s16le", "rate": rate, "languages": own, "live": live}
    job, asked = make_job(samples.tobytes() + bytes(3 * rate), params)
    result = worker.run(job)
    assert {segment["text"] for segment in asked.segments} == {said}
    assert result["language"] == ("en" if said.startswith("ever") else "de")
    warnings = [each["message"] for each in result.get("warnings", ()) if each["code"] == "language_unknown"]
    assert len(warnings) == bool(told)
    assert told in "".join(warnings)


def test_what_cannot_translate_says_so(models: Path) -> None:
    """A CTC model asked for a translation refuses with one sentence, and names models that can."""
    engine = loaded(tone_models.ctc(models / "mine").name)
    with hushd_error("unsupported", "nemo-canary-1b-v2"):
        text(engine, whistle("▁ever"), translate=True)


@pytest.mark.parametrize(("token", "language", "said"), [("▁ever", "de", "je"), ("ed", "en", "ever")])
def test_whisper_tells_the_language(models: Path, token: str, language: str, said: str) -> None:
    """The package detects the language inside; hushd asks for it, since the result names it. CTC cannot tell."""
    engine = loaded(tone_models.whisper(models / "mine").name)
    assert engine.detect_language(whistle(token)) == DetectedLanguage(language)
    assert text(engine, whistle(token)) == text(engine, whistle(token), language=language) == said
    assert loaded(tone_models.ctc(models / "other").name).detect_language(whistle(token)) is None


def test_whisper_encodes_a_piece_once_for_its_language_and_its_text(models: Path) -> None:
    """The encoder is most of the work, of 30 s each time; another piece, or the same again, is encoded anew."""
    engine, encoded = loaded(tone_models.whisper(models / "mine").name), list[int]()
    prepare = engine._asr._preprocessor
    engine._asr._preprocessor = lambda *batch: encoded.append(0) or prepare(*batch)
    for number, sound in enumerate([whistle("▁ever"), whistle("ed")], 1):
        language = engine.detect_language(sound)
        assert language
        heard = text(engine, sound, language=language.tag)
        assert len(encoded) == 2 * number - 1
        assert text(engine, sound, language=language.tag) == heard
        assert len(encoded) == 2 * number


def test_a_recording_through_the_worker(models: Path, assets: Path) -> None:
    """A person's speech, which has pitches too: words, within their segments, within the recording."""
    tone_models.ctc(models / "mine", config={"languages": ["en"]})
    worker = SpeechToText("onnx-asr", "mine")
    worker.load(lambda note: None)
    job, asked = make_job(assets / "two_cities.wav", {"word_times": True})
    result = worker.run(job)
    assert (result["language"], result["segments"]) == ("en", len(asked.segments))
    assert len(asked.segments) > 1
    for segment in asked.segments:
        words = segment["words"]
        assert segment["text"] == " ".join(word["word"] for word in words)
        edges = [segment["start"], *(edge for word in words for edge in (word["start"], word["end"]))]
        assert edges == sorted(edges)
        assert edges[-1] <= segment["end"] <= result["duration"]


# --- files that are not as they should be ----------------------------------------------------------------------------


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "half a graph": lambda f: _half(f / "model.onnx"),
    "an empty graph": lambda f: (f / "model.onnx").write_bytes(b""),
    "no vocabulary": lambda f: (f / "vocab.txt").unlink(),
    "a vocabulary of something else": lambda f: (f / "vocab.txt").write_bytes(b"\xff\xfe one two three"),
    "no configuration": lambda f: (f / "config.json").unlink(),
    "half a configuration": lambda f: (f / "config.json").write_text('{"model_type": "nem'),
    "an unknown type": lambda f: (f / "config.json").write_text('{"model_type": "nemo-conformer-xyz"}'),
    "no type": lambda f: (f / "config.json").write_text("{}"),
    "a list": lambda f: (f / "config.json").write_text("[]"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_one_sentence(models: Path, damage: str) -> None:
    """Whatever is wrong with a model's files: `model_missing`, with the folder and the reason, and no traceback."""
    folder = tone_models.ctc(models / "mine")
    DAMAGE[damage](folder)
    OnnxAsr.models()
    with hushd_error("model_missing", has=str(folder)) as caught:
        loaded("mine")
    assert caught.value.message.endswith(".")


def test_a_folder_without_weights_is_no_model(models: Path) -> None:
    """Other files, folders with odd names and empty ones are not offered, and asking for one says where files go."""
    (models / "empty").mkdir(parents=True)
    (models / "notes.txt").write_text("mine")
    tone_models.ctc(models / "odd name")
    assert [model.name for model in OnnxAsr.models()] == list(OnnxAsr.SPEC.models)
    for name in ("empty", "odd name", "../../etc"):
        assert not OnnxAsr.installed(name)
        with hushd_error("model_missing"):
            loaded(name)


def test_a_model_of_ones_own_is_described(models: Path) -> None:
    """Its languages are what its files say, else undetermined; its memory follows from the weights it would load.
    Whisper's decoder times no words and rates none, like Canary's."""
    tone_models.ctc(models / "ctc", config={"languages": ["de", "fr"]})
    tone_models.ctc(models / "silent", config={"languages": "de"})
    tone_models.whisper(models / "whisper")
    (models / "ctc" / "model.int8.onnx").write_bytes(bytes(30_000_000))
    own = {model.name: model for model in OnnxAsr.models()[len(Model.well_known(OnnxAsr.SPEC)) :]}
    assert {name: model.languages for name, model in own.items()} == {
        "ctc": ("de", "fr"),
        "silent": ("und",),
        "whisper": ("de", "en"),
    }
    assert own["ctc"].memory_mb == 90
    untimed = {model.name for model in OnnxAsr.models() if (model.word_times, model.options) == (False, ())}
    known = {"whisper-base", "whisper-large-v3-turbo", "nemo-canary-1b-v2", "canary-1b-flash", "canary-180m-flash"}
    assert untimed == known | {"whisper"}
    assert all(OnnxAsr.installed(name) for name in own)


def test_of_both_precisions_a_cpu_takes_int8_unless_configured(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`precision = "original"` has it load the files that the int8 ones were made of."""
    monkeypatch.setenv("HUSHD_COMPUTE_DEVICE", "cpu")
    tone_models.ctc(models / "mine", ".int8")
    (models / "mine" / "model.onnx").write_bytes(b"damaged")
    assert text(loaded("mine"), whistle(*PHRASE)) == TEXT
    monkeypatch.setenv("HUSHD_PRECISION", "original")
    with hushd_error("model_missing"):
        loaded("mine")


# --- the hub's cache, and the hub ------------------------------------------------------------------------------------


def cached(hub: Path, repository: str, files: Path) -> Path:
    """`files` as the hub's library keeps them: blobs, and links to them by commit."""
    folder = hub / "hub" / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / "c0ffee"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("c0ffee")
    (folder / "blobs").mkdir()
    snapshot.mkdir(parents=True)
    for number, file in enumerate(files.iterdir()):
        shutil.copy(file, folder / "blobs" / str(number))
        (snapshot / file.name).symlink_to(f"../../blobs/{number}")
    return snapshot


def test_what_the_hub_has_cached_is_used_without_it(models: Path, tmp_path: Path) -> None:
    """A model in the cache loads with no request, and without importing the hub's library."""
    assert not OnnxAsr.installed(PARAKEET)
    cached(tmp_path / "hub", REPOSITORY, tone_models.ctc(tmp_path / "made"))
    assert OnnxAsr.installed(PARAKEET)
    assert not OnnxAsr.installed("nemo-parakeet-rnnt-0.6b")
    program = (
        "import sys; from hushd_worker_stt.engines.onnx_asr import OnnxAsr; "
        f"OnnxAsr().load({PARAKEET!r}, print); print('huggingface_hub' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "loading the model\nFalse\n"


# --- without the package; words out of tokens ------------------------------------------------------------------------


def test_without_the_package(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package fails nothing but the load, which says what to install."""
    tone_models.ctc(models / "mine")
    monkeypatch.setattr(module, "engine_installed", lambda spec: False)
    assert not OnnxAsr.installed("mine")
    monkeypatch.setitem(sys.modules, "onnx_asr.models.nemo", None)
    monkeypatch.delitem(sys.modules, "hushd_worker_stt.engines.onnx_asr_model", raising=False)
    monkeypatch.delattr("hushd_worker_stt.engines.onnx_asr_model", raising=False)
    with hushd_error("engine_missing", re.escape(extra_command("onnx-asr"))):
        loaded("mine")
