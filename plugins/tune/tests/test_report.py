"""The comparison as people and programs read it, and the line that it writes."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hushd_tune import command, ranking, report
from hushd_tune.words import Compared

WORDS = [10] * 12
RATES = {"transcribe-cpp/parakeet-tdt-0.6b-v3": 1, "faster-whisper/small": 1, "moonshine/tiny-en": 4}


def comparison(
    sentences: int = 12, present: str = "moonshine/tiny-en", language: str = "en", rates: dict[str, int] = RATES
) -> report.Comparison:
    words = WORDS[:sentences]
    models = [
        ranking.Heard(name, (errors,) * sentences, 10.0, 0.5, 300.0 + number)
        for number, (name, errors) in enumerate(rates.items())
    ]
    texts = {
        name: [Compared(10, errors, "a [-b-]{+c+}" if errors else "")] * sentences for name, errors in rates.items()
    }
    places = ranking.ranked(words, models)
    choice = ranking.chosen(words, models, present)
    return report.Comparison(language, places, texts, {"e/broken": "It has failed."}, choice, present)


def test_the_table_fits_80_columns() -> None:
    """All columns are there, for names of 35 letters too; each model's errors are shown, five at most."""
    told = report.table(comparison(), 80)
    assert told.startswith("English, 12 sentences with 120 words:")
    rows = told.splitlines()[2:6]
    assert max(map(len, rows)) <= 80
    assert rows[0].split() == ["model", "wrong", "95", "%", "speed", "first", "memory"]
    assert "e/broken was left out: It has failed." in told
    assert "Equal in every sentence: transcribe-cpp/parakeet-tdt-0.6b-v3, faster-whisper/small." in told
    assert "and not by chance: moonshine/tiny-en." in told
    assert told.count("a [-b-]{+c+}") == 15
    assert "and 7 more, which --json shows" in told


@pytest.mark.parametrize(
    ("language", "written"),
    [("en", 'stt = "transcribe-cpp/parakeet-tdt-0.6b-v3"'), ("de", '[stt_by_language]\nde = "transcribe-cpp/')],
)
def test_the_choice_is_written_for_its_language(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, language: str, written: str
) -> None:
    """The session's language is `stt`, another one has its own line; comments stay; without --write nothing changes."""
    monkeypatch.setenv("LC_ALL", "C")
    config = runtime / "config.toml"
    config.write_text("# mine\nexit_when_idle = 90\n")
    options = argparse.Namespace(json=True, write=False)
    assert not command._recommend(options, comparison(language=language))
    assert config.read_text() == "# mine\nexit_when_idle = 90\n"
    options.write = True
    assert command._recommend(options, comparison(language=language))
    assert written in config.read_text()
    assert config.read_text().startswith("# mine\n")


def test_a_line_for_the_language_is_replaced(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would outdo `stt`, so the choice goes there, even for the session's language."""
    monkeypatch.setenv("LC_ALL", "C")
    config = runtime / "config.toml"
    config.write_text('stt_by_language = { en = "moonshine/tiny-en" }\n')
    options = argparse.Namespace(json=True, write=True)
    assert command._recommend(options, comparison())
    assert config.read_text() == 'stt_by_language = { en = "transcribe-cpp/parakeet-tdt-0.6b-v3" }\n'


def test_a_present_model_as_good_stays(runtime: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing is written for a difference that may be chance."""
    options = argparse.Namespace(json=False, write=True)
    assert not command._recommend(options, comparison(present="faster-whisper/small"))
    assert "none is surely better; nothing to write" in capfd.readouterr().out
    assert not (runtime / "config.toml").read_text()
