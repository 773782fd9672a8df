"""Recommendations: each fits the machine, speaks the language, and names its commands."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hushd_models import catalogue, recommendation, word_errors
from hushd_models.inventory import Row
from hushd_models.recommendation import Hardware, Recommendation, recommend, too_large
from support.memory_group import MemoryGroup

SMALL = Hardware(cores=2, memory_mb=800, disk_mb=10_000)
LARGE = Hardware(cores=16, memory_mb=60_000, disk_mb=500_000)
HERE = ("moonshine/tiny-en", "hibari/en")


def rows() -> list[Row]:
    """The catalogue's models, of which those inside hushd's packages are here."""
    return [
        Row(model, known.role, "embedded" if model in HERE else "absent", known=known)
        for model, known in catalogue.models().items()
    ]


def models(machine: Hardware, language: str, role: str) -> list[str]:
    return [one.row.model for one in recommend(rows(), machine, language, role, lambda engine: True)]


def test_every_name_is_in_the_catalogue() -> None:
    """A model that the catalogue has lost would never be recommended, in silence."""
    named = {name for role in ("stt", "tts") for name, _ in recommendation.best(role) if not name.endswith("/*")}
    assert named <= set(catalogue.models())


def test_a_large_machine_gets_the_best_and_a_small_one_what_fits() -> None:
    """Memory, cores and wrong words decide; what comes with hushd is shown to both."""
    assert models(LARGE, "fr", "stt")[0] != models(SMALL, "fr", "stt")[0]
    assert models(SMALL, "en", "stt") == ["onnx-asr/nemo-parakeet-tdt-0.6b-v3", "moonshine/tiny-en"]
    assert models(LARGE, "en", "tts") == ["kokoro/kokoro-v1.0", "hibari/en", "espeak-ng/all"]


def test_published_figures_decide_and_never_the_size() -> None:
    """The first has the fewest wrong words of all that fit, for each language with figures, and the last takes the
    least memory."""
    every = {row.model: row for row in rows()}
    named = [name for name, _ in recommendation.best("stt")]
    for language in ("en", "de", "fr", "ja", "ru", "sw", "mt"):
        knowing = [every[name].known for name in named if language in every[name].known.languages]  # type: ignore[union-attr]
        first, *_, last = recommend(rows(), LARGE, language, "stt", lambda engine: True)
        assert first.known.word_errors
        assert first.as_json()["word_errors"] == min(
            rate for known in knowing if known and (rate := word_errors.rate(known.word_errors, language)) is not None
        )
        assert last.known.memory_mb == min(known.memory_mb for known in knowing if known)


@pytest.mark.parametrize(
    ("there", "quick"),
    [
        ({"cuda": 0.0}, True),
        ({"mps": 8_000.0}, False),
    ],
)
def test_a_card_counts_for_engines_that_can_use_it(there: dict[str, float], quick: bool) -> None:
    """By the engine's spec, and by its memory where that is known."""
    weak = replace(LARGE, cores=2, cards=there)
    assert ("faster-whisper/large-v3-turbo" in models(weak, "ja", "stt")) is quick


@pytest.mark.parametrize(
    ("language", "voice"),
    [
        pytest.param("de", "piper/de_DE-thorsten-medium", marks=pytest.mark.plugin("engines-piper")),
        ("pt-BR", "kokoro/kokoro-v1.0"),
    ],
)
def test_a_voice_of_the_language(language: str, voice: str) -> None:
    """The best voice of the language, by its country where the tag has one."""
    assert models(LARGE, language, "tts")[0] == voice
    assert models(LARGE, "xx", "tts") == []


def test_commands_bring_engine_and_model() -> None:
    """An engine that is missing comes first; an installed one needs no command."""

    def found(language: str, installed: bool) -> Recommendation:
        return recommend(rows(), SMALL, language, "stt", lambda engine: installed)[0]

    assert found("ja", True).commands == ("hushd models pull faster-whisper/small",)
    install, pull = found("ja", False).commands
    assert "faster-whisper" in install
    assert pull == "hushd models pull faster-whisper/small"
    assert recommend(rows(), SMALL, "en", "stt", lambda engine: True)[-1].commands == ()


def test_a_container_is_all_the_machine_there_is(memory_group: MemoryGroup) -> None:
    """A recommendation goes by the container's limit, not by its host's memory."""
    program = "from pathlib import Path; from hushd_models import recommendation as r; print(r.here(Path()).memory_mb)"
    inside = [*memory_group.command(500_000_000), sys.executable, "-c", program]
    done = subprocess.run(inside, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(500 * recommendation.SHARE, rel=0.01)


def test_a_model_without_room_is_too_large() -> None:
    """In memory or on the disk; a card that an engine can use counts as memory."""
    large = catalogue.models()["whisper/large-v3"]  # 3.1 GB; 9.6 GB in memory, or 6.9 GB on a card
    assert not too_large(large, LARGE)
    assert too_large(large, SMALL)
    assert too_large(large, replace(LARGE, disk_mb=3000))
    assert not too_large(large, Hardware(2, 3000, 10_000, {"cuda": 8000}))
    assert too_large(large, Hardware(2, 3000, 10_000, {"cuda": 1000}))


def test_mapped_weights_may_take_what_is_kept_for_others() -> None:
    """In one gigabyte, of which 800 MB are the workers': Parakeet v3, whose own memory is a fifth of it; no model whose
    weights and memory are more than the machine has."""
    parakeet = "onnx-asr/nemo-parakeet-tdt-0.6b-v3"
    assert [models(SMALL, language, "stt")[0] for language in ("pt", "fr")] == [parakeet] * 2
    assert models(replace(SMALL, memory_mb=600), "pt", "stt") == ["faster-whisper/base"]
