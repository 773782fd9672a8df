"""Recommendations: each fits the machine, speaks the language, and names its commands."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hushd_models import catalogue, paces, word_errors
from hushd_models.catalogue import Known
from hushd_models.choice import recommendation
from hushd_models.choice.recommendation import (
    Hardware,
    Recommendation,
    plugin_that_speaks,
    recommend,
    to_get,
    too_large,
)
from hushd_models.installation import extra_command
from hushd_models.inventory import Row
from hushd_protocol.system import paths
from hushd_schema import engines as specs
from hushd_schema.engines import EngineSpec, OnCard
from msgspec import structs
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
    return [one.row.model for one in recommend(rows(), machine, language, role)]


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
        first, *_, last = recommend(rows(), LARGE, language, "stt")
        assert first.known.word_errors
        assert first.as_json()["word_errors"] == min(
            rate for known in knowing if known and (rate := word_errors.rate(known.word_errors, language)) is not None
        )
        assert last.known.memory_mb == min(known.memory_mb for known in knowing if known)


@pytest.mark.parametrize(("there", "quick"), [({"cuda": 0.0}, True), ({"mps": 8_000.0}, False)])
def test_a_card_counts_for_engines_that_can_use_it(there: dict[str, float], quick: bool) -> None:
    """The engine's spec says so, and the card counts by its memory where that is known."""
    weak = replace(LARGE, cores=2, cards=there)
    assert ("faster-whisper/large-v3-turbo" in models(weak, "ja", "stt")) is quick


@pytest.mark.parametrize(("language", "voice"), [
    pytest.param("de", "piper/de_DE-thorsten-medium", marks=pytest.mark.plugin("engines-piper")),
    ("pt-BR", "kokoro/kokoro-v1.0"),
])  # fmt: skip
def test_a_voice_of_the_language(language: str, voice: str) -> None:
    """The best voice of the language, by its country where the tag has one."""
    assert models(LARGE, language, "tts")[0] == voice
    assert models(LARGE, "xx", "tts") == []


def test_commands_bring_engine_and_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is missing comes first; an installed one needs no command, but where its library is missing."""

    def found(language: str, installed: bool) -> Recommendation:
        monkeypatch.setattr("hushd_models.advice.engine_installed", lambda engine: installed)
        return recommend(rows(), SMALL, language, "stt")[0]

    install, pull = found("ja", False).commands
    assert "faster-whisper" in install
    assert pull == "hushd models pull faster-whisper/small"
    assert found("ja", True).commands == ("hushd models pull faster-whisper/small",)
    assert recommend(rows(), SMALL, "en", "stt")[-1].commands == ()
    assert recommend(rows(), SMALL, "en", "tts")[-1].commands == (extra_command("espeak"),)


def test_a_container_is_all_the_machine_there_is(memory_group: MemoryGroup) -> None:
    """A recommendation goes by the container's limit, not by its host's memory."""
    program = (
        "from pathlib import Path; from hushd_models.choice import recommendation as r; print(r.here(Path()).memory_mb)"
    )
    inside = [*memory_group.command(500_000_000), sys.executable, "-c", program]
    done = subprocess.run(inside, capture_output=True, text=True, check=True)
    assert float(done.stdout) == pytest.approx(500 * recommendation.MEMORY_SHARE, rel=0.01)


def test_mapped_weights_may_take_what_is_kept_for_others() -> None:
    """One gigabyte, of which 800 MB are the workers', has room for Parakeet v3, whose own memory is a fifth of it; no
    model whose weights and memory are more than the machine has."""
    parakeet = "onnx-asr/nemo-parakeet-tdt-0.6b-v3"
    assert [models(SMALL, language, "stt")[0] for language in ("pt", "fr")] == [parakeet] * 2
    assert models(replace(SMALL, memory_mb=600), "pt", "stt") == ["faster-whisper/base"]


def choice(model: str, memory_mb: int = 0) -> Recommendation:
    engine, _, name = model.partition("/")
    known = Known(engine, name, "tts", ("de",), memory_mb=memory_mb)
    return Recommendation("tts", "de", Row(model, "tts", "absent", known=known), known, "", ())


@pytest.mark.parametrize(("language", "best", "here", "plugin"), [
    ("de", "espeak-ng/all", [], "engines-piper"),
    ("de-AT", None, [], "engines-piper"),
    ("de", "kokoro/x", [], ""),
    ("de", "espeak-ng/all", ["engines-piper"], "engines-sherpa-onnx"),
    ("ko", None, [], "engines-sherpa-onnx"),
    ("sw", "espeak-ng/all", [], ""),
])  # fmt: skip
def test_a_plugin_is_offered_where_no_natural_voice_is_known(
    language: str, best: str | None, here: list[str], plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first absent one that speaks the language is offered; where the smallest voice will do, that."""
    monkeypatch.setattr(recommendation, "plugins", lambda: dict.fromkeys(here, "1"))
    voice = choice(best) if best else None
    assert plugin_that_speaks(language, voice) == plugin
    assert plugin_that_speaks(language, voice, small=True) == ("" if voice else plugin)


@pytest.mark.parametrize(("small", "model"), [(False, "kokoro/a"), (True, "espeak-ng/c")])
def test_what_one_command_brings_is_got(small: bool, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The best, or that of the least memory; nothing of an engine that the user would have to set up."""
    listed = [choice("chatterbox/x", 1), choice("kokoro/a", 30), choice("espeak-ng/c", 10), choice("kokoro/b", 20)]
    monkeypatch.setattr(recommendation, "_every", lambda *_: listed)
    monkeypatch.setattr("hushd_models.advice.engine_installed", lambda engine: False)
    found = to_get([], LARGE, "de", "tts", small=small)
    assert found
    assert found.row.model == model
    del listed[1:]
    assert to_get([], LARGE, "de", "tts", small=small) is None
    monkeypatch.setattr("hushd_models.advice.engine_installed", lambda engine: engine == "chatterbox")
    assert to_get([], LARGE, "de", "tts", small=small) == listed[0]
    monkeypatch.setattr("hushd_models.advice.engine_installed", lambda engine: False)
    monkeypatch.setattr(specs, "find", lambda name: structs.replace(ON_CARD, requirement="chatterbox"))
    assert to_get([], LARGE, "de", "tts", small=small) == listed[0]


@pytest.mark.parametrize(("language", "own", "model"), [
    ("fr", (), "onnx-asr/nemo-canary-1b-v2"),
    ("fr", ("fr-CA",), "onnx-asr/nemo-canary-1b-v2"),
    ("fr", ("ja",), "faster-whisper/large-v3-turbo"),  # which hears both
    ("fr", ("en",), "onnx-asr/nemo-parakeet-tdt-0.6b-v3"),
    ("de", ("fr", "en"), "faster-whisper/large-v3-turbo"),
    ("ru", (), "onnx-asr/gigaam-v3-e2e-rnnt"),
    ("ru", ("en",), "faster-whisper/large-v3-turbo"),
])  # fmt: skip
def test_a_recording_needs_no_option(
    language: str, own: tuple[str, ...], model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model that is brought tells the user's languages apart: Canary is for those who have one of its own."""
    monkeypatch.setattr("hushd_models.advice.engine_installed", lambda engine: engine != "transcribe-cpp")
    monkeypatch.setattr(recommendation, "_is_installable", lambda engine: engine != "transcribe-cpp")
    found = to_get(rows(), LARGE, language, "stt", own=own)
    assert found
    assert found.row.model == model
    shown = recommend(rows(), LARGE, language, "stt", own)
    assert any("canary" in each.row.model for each in shown) <= (own in ((), ("fr-CA",), ("ja",)))


def test_where_none_tells_them_apart_one_is_brought_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that has to be told is better than none."""
    canary = [row for row in rows() if row.model == "onnx-asr/nemo-canary-1b-v2"]
    monkeypatch.setattr(recommendation, "_is_installable", lambda engine: True)
    found = to_get(canary, LARGE, "fr", "stt", own=["en"])
    assert found
    assert found.row.model == "onnx-asr/nemo-canary-1b-v2"


ON_CARD = EngineSpec("e", "stt", "e:E", cards=("cuda", "mps"), on_card_mb=lambda sizes: OnCard(200, sizes[""] / 1e6))


@pytest.mark.parametrize(("known", "machine", "fits"), [
    ({}, (2, 500, 100), True),
    ({}, (2, 499, 100), False),
    ({}, (2, 500, 99), False),
    ({"speed": "slow"}, (8, 500, 100), True),
    ({"speed": "slow"}, (7, 500, 100), False),
    ({"speed": "slow"}, (7, 200, 100, {"cuda": 100}), True),
    ({"speed": "slow"}, (7, 199, 100, {"cuda": 100}), False),
    ({"speed": "slow"}, (7, 200, 100, {"cuda": 99}), False),
    ({"speed": "slow"}, (7, 200, 100, {"cuda": 0}), True),  # whose size nobody knows
    ({"speed": "slow"}, (7, 300, 100, {"mps": 0}), True),
    ({"speed": "slow"}, (7, 299, 100, {"mps": 0}), False),
    ({"speed": "slow"}, (7, 500, 100, {"rocm": 0}), False),
    ({"speed": "slow"}, (7, 500, 100, {"rocm": 0, "cuda": 0}), True),
    ({"speed": "slow", "engine": "plain"}, (7, 500, 100, {"cuda": 1}), True),
    ({"speed": "slow", "engine": "plain"}, (7, 499, 100, {"cuda": 1}), False),
    ({"speed": "slow", "engine": "unknown"}, (7, 500, 100, {"cuda": 0}), False),
    ({"mapped": True}, (2, 400, 100), True),
    ({"mapped": True}, (2, 399, 100), False),
    ({"mapped": True, "size_mb": 90}, (2, 409, 100), False),
])  # fmt: skip
def test_a_model_fits_or_does_not(
    known: dict[str, Any], machine: tuple[Any, ...], fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Models of 100 MB on disk and 500 in memory, or 200 and 100 on a card, are tried: at each limit, and beyond."""
    engines = {"e": ON_CARD, "plain": structs.replace(ON_CARD, on_card_mb=None)}
    monkeypatch.setattr(specs, "find", lambda name, role: engines.get(name))
    model = replace(Known("e", "m", "stt", size_mb=100, memory_mb=500, speed="fast"), **known)
    row = Row("e/m", "stt", "absent", known=model)
    assert recommendation._fits(row, model, Hardware(*machine)) is fits
    if machine[2] < 100:
        assert recommendation._fits(replace(row, state="installed"), model, Hardware(*machine))
    if model.speed == "fast" or machine[1] < 500:  # a slow one that has room is not too large
        assert too_large(model, Hardware(*machine)) is not fits


def test_a_voice_that_was_slow_here_comes_last(runtime: Path) -> None:
    """The slower of two paces counts; a broken file says nothing."""
    here = paths.find()
    assert paces.measured(here) == {}
    first = recommend(rows(), LARGE, "fr", "tts")[0].row.model
    for pace in (0.9, 3.3):
        paces.keep(here, first, pace)
        assert paces.measured(here) == {first: pace}
        machine = replace(LARGE, paces=paces.measured(here))
        best = recommend(rows(), machine, "fr", "tts")[0].row.model
        assert (best == first) is (pace < 1)
    here.paces.write_text("[")
    assert paces.measured(here) == {}


@pytest.mark.parametrize("language", ["en", "fr", "ja", "de", "ru"])
def test_a_slow_voice_says_nothing_of_hearing(language: str) -> None:
    """The model to hear a language stays the same, whatever voice was slow here."""
    slow = replace(LARGE, paces={"kokoro/kokoro-v1.0": 3.3})
    assert recommend(rows(), slow, language, "stt") == recommend(rows(), LARGE, language, "stt")


@pytest.mark.usefixtures("runtime")
def test_a_slow_voice_speaks_for_those_that_are_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kokoro in another precision is as slow as the measured one; a fast voice is not, nor one measured to keep up."""
    kokoro, int8 = "kokoro/kokoro-v1.0", "kokoro/kokoro-v1.0.int8"
    machine = replace(LARGE, paces={kokoro: 3.3})
    assert {recommend(rows(), LARGE, "fr", "tts")[0].row.model} <= {kokoro, int8}
    assert (best := recommend(rows(), machine, "fr", "tts")[0]).known.speed == "fast"
    faster = recommendation.faster_voice(rows(), machine, "fr")
    assert faster is None if specs.robotic(best.row.engine) else faster == best
    assert recommend(rows(), replace(LARGE, paces={kokoro: 3.3, int8: 0.9}), "fr", "tts")[0].row.model == int8
    monkeypatch.setattr(recommendation, "plugins", dict)
    assert recommendation.quick_plugin(machine, "en") == "engines-piper"
    machine = replace(LARGE, paces={"hibari/en": 1.1})
    assert not recommendation.faster_voice(rows(), machine, "en")
    assert not recommendation.quick_plugin(machine, "en")
    assert recommendation.faster_voice(rows(), replace(LARGE, paces={"kokoro/own": 3.3}), "ja") is None
