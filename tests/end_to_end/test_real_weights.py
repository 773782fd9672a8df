"""Published weights through hushd: each engine hears people, or speaks so that it is understood."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hushd import Client
from hushd_worker_tts.engines.espeak_ng import EspeakNg
from support import foreign_speech, real_weights
from support.peer import Supervisor, wait_until
from support.real_weights import needs
from support.recordings import recording
from support.wer import BECKETT, word_error_rate

pytestmark = pytest.mark.timeout(600)  # torch on a busy machine
HEARS = (
    "faster-whisper/base",
    "faster-whisper/tiny.en",
    "whisper/base",
    "transcribe-cpp/whisper-base",
    "onnx-asr/base",
)
FILES = {"whisper/base": "whisper/base.pt"}  # where it is not the model's name
SPEAKS = [
    ("piper/en_US-joe-medium.onnx", "en_US-joe-medium", "en", "The train to Boston leaves at seven in the morning."),
    ("kokoro/kokoro-v1.0.int8.onnx", "af_heart", "en", "The meeting begins at nine o'clock."),
    ("kokoro/kokoro-v1.0.int8.onnx", "ff_siwis", "fr", "Bonjour à tous, je reviens dans neuf minutes."),
    ("kokoro/kokoro-v1.0.int8.onnx", "pf_dora", "pt", "A reunião começa às nove horas."),
]


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUSHD_MODELS_DIR", str(real_weights.linked(home / "models")))
        with Supervisor(home, ""), Client() as client:
            yield client


@pytest.mark.parametrize("model", [pytest.param(name, marks=needs(FILES.get(name, name))) for name in HEARS])
def test_each_engine_hears_a_person(client: Client, model: str) -> None:
    """Ten seconds of a person reading: at most one word is wrong, and the language is the model's own finding."""
    heard = client.transcribe(recording(), model=model)
    assert word_error_rate(BECKETT, heard.text) < 0.1, heard.text
    assert heard.language == "en"
    told = not model.startswith("transcribe-cpp") and not model.endswith(".en")
    assert not told or (heard.language_probability or 0.0) > 0.9


@pytest.mark.skipif(bool(reason := real_weights.missing("faster-whisper/tiny.en")), reason=reason)
@pytest.mark.skipif(bool(reason := real_weights.missing("faster-whisper/base")), reason=reason)
@pytest.mark.skipif(not EspeakNg.available(), reason="espeak-ng is not installed")
def test_who_names_a_model_of_english_for_french_is_told_of_one_that_is_here(client: Client, tmp_path: Path) -> None:
    """Nothing is to be got: faster-whisper/base would hear it."""
    heard = client.transcribe(foreign_speech.french(tmp_path / "french.wav"), model="faster-whisper/tiny.en")
    (warning,) = heard.warnings
    assert (warning.code, {segment.unlikely for segment in heard}) == ("unlikely_text", {True})
    assert "name faster-whisper/base, which hears others" in warning.message
    assert "hushd get" not in warning.message


@pytest.mark.parametrize(
    ("voice", "language", "text"), [pytest.param(*row, marks=needs(place)) for place, *row in SPEAKS]
)
@pytest.mark.skipif(bool(reason := real_weights.missing("faster-whisper/base")), reason=reason)
def test_each_voice_is_understood(client: Client, tmp_path: Path, voice: str, language: str, text: str) -> None:
    """Whisper base writes down the sentence of each voice, but for a word of those with an accent, and a digit."""
    client.synthesize(text, voice=voice).save(tmp_path / "said.wav")
    heard = client.transcribe(tmp_path / "said.wav", model="faster-whisper/base", language=language).text
    heard = heard.replace("9", {"en": "nine", "fr": "neuf", "pt": "nove"}[language])
    assert word_error_rate(text, heard) < 0.25, heard


@pytest.mark.parametrize(("worker", "voice"), [
    pytest.param("tts/piper/en_US-joe-medium", "en_US-joe-medium", marks=needs("piper/en_US-joe-medium.onnx")),
    pytest.param("tts/kokoro/kokoro-v1.0.int8", "af_heart", marks=needs("kokoro/kokoro-v1.0.int8.onnx")),
    pytest.param("stt/onnx-asr/base", "", marks=needs("onnx-asr/base")),
])  # fmt: skip
def test_what_work_took_is_given_back_at_rest(client: Client, worker: str, voice: str) -> None:
    """A resting worker holds at most 0.75 of what it took: piper and Kokoro 0.2 to 0.4, Whisper by onnx-asr 0.6."""
    if not voice:
        client.transcribe(recording(), model=worker.removeprefix("stt/"))
    else:
        sentence = "It was the season of light, it was the season of darkness, and it was the spring of hope"
        client.synthesize(f"{sentence}, {sentence}, {sentence}.", voice=voice).array()

    def gave_back() -> bool:
        (row,) = (row for row in client.status().workers if row.name == worker)
        return 0 < (row.private_mb or 0) < 0.75 * row.peak_mb

    wait_until(gave_back, "its rest")
