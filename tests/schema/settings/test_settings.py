"""Tests of the configuration file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from golden.settings import block as settings_block
from hushd_protocol.errors import HushdError
from hushd_schema import settings as schema
from hushd_schema.settings import HttpSettings, Settings, WorkerSettings, WyomingSettings
from hushd_schema.settings.declaration import AT_ONCE, settings_of
from msgspec import structs

DOCUMENT = Path(__file__).parents[3] / "docs" / "CONFIGURATION.md"


def load(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text)
    return schema.load(file)


def test_no_file_means_the_defaults(tmp_path: Path) -> None:
    """A user without a configuration gets Settings()."""
    assert schema.load(tmp_path / "none.toml") == Settings()
    assert load(tmp_path, "") == Settings()


def test_the_defaults_of_a_role() -> None:
    """Downloads are rarely repeated soon, and a wake-word worker starts in a moment; others rest for five minutes."""
    models, wake, stt = (Settings().for_worker(name) for name in ("models/store/local", "wake/a/x", "stt/a/x"))
    assert (models.keep_alive, models.memory_mb, wake.keep_alive, wake.memory_mb) == (10.0, 60.0, 10.0, 0.0)
    assert (stt.keep_alive, stt.memory_mb) == (300.0, 0.0)


def test_the_document_shows_every_key_with_its_default(tmp_path: Path) -> None:
    """The first block of docs/CONFIGURATION.md is what the declarations say; loaded, it is all defaults."""
    block = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)[0]
    assert block == settings_block(), "`python tests/golden/golden.py` writes it"
    settings = load(tmp_path, block)
    assert structs.replace(settings, worker={}) == Settings()
    assert settings.for_worker("stt/any/thing") == WorkerSettings()
    assert set(settings.worker[""]) == {each.name for each in structs.fields(WorkerSettings)}


def test_the_document_names_what_a_reload_does_not_take_at_once() -> None:
    """Its sentence about `hushd restart --config-only` has every setting that waits for a process, and no other."""
    text = DOCUMENT.read_text()
    (sentence,) = re.findall(r"takes every setting at once, except .*?\.\n", text, re.DOTALL)
    tables = (Settings, HttpSettings, WyomingSettings, WorkerSettings)
    settings = {name: setting for table in tables for name, setting in settings_of(table).items()}
    later = {name for name, setting in settings.items() if setting.reload != AT_ONCE}
    assert set(re.findall(r"`(\w+)`", sentence)) == later


def test_all_blocks_of_the_document_can_be_loaded(tmp_path: Path) -> None:
    """No example in docs/CONFIGURATION.md is refused."""
    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        load(tmp_path, block)


def test_the_longer_name_wins_key_by_key(tmp_path: Path) -> None:
    """The general table, the role's, the engine's and the worker's own are laid over one another."""
    settings = load(
        tmp_path,
        """
        [worker]
        keep_alive = 1
        queue = 2
        [worker.stt]
        keep_alive = "2m"
        [worker."stt/moonshine"]
        environment = { A = "b" }
        [worker."stt/moonshine/tiny-en"]
        keep_alive = -1
        command = ["a", "b"]
        """,
    )
    worker = settings.for_worker("stt/moonshine/tiny-en")
    assert (worker.keep_alive, worker.queue, worker.environment, worker.command) == (-1.0, 2, {"A": "b"}, ("a", "b"))
    assert settings.for_worker("stt/other/x").keep_alive == 120.0
    assert settings.for_worker("tts/other/x").keep_alive == 1.0


def test_a_supervisor_that_leaves_waits_as_long_as_any_worker_may() -> None:
    """The longest time of any table, or what all have that name none."""
    tables = {"stt": {"drain_timeout": 5.0}, "tts/a": {"drain_timeout": 90.0}}
    assert Settings(worker=tables).longest_drain == 90.0
    assert Settings(worker={"stt": tables["stt"]}).longest_drain == 60.0
    assert Settings(worker={"": {"drain_timeout": 7.0}}).longest_drain == 7.0


def test_what_is_no_toml_is_an_error_with_the_place(tmp_path: Path) -> None:
    """A syntax error says the line."""
    with pytest.raises(HushdError, match=r"config\.toml is not TOML: .*line 2"):
        load(tmp_path, "exit_when_idle = 1\nstt = ?\n")


@pytest.mark.parametrize(("language", "model"), [
    ("pt-BR", "whisper/small"), ("pt_br", "whisper/small"), ("pt-PT", "whisper/base"), ("PT", "whisper/base"),
    ("de", "moonshine/tiny-en"), (None, "whisper/medium"), (7, "whisper/medium"), ("", "moonshine/tiny-en"),
])  # fmt: skip
def test_the_nearest_language_has_the_model(tmp_path: Path, language: object, model: str) -> None:
    """A variety comes before its language, that before the default; no language is the first of the user's own."""
    settings = load(
        tmp_path,
        'stt = "moonshine/tiny-en"\nlanguages = ["fr", "en"]\n[stt_by_language]\n'
        'pt = "whisper/base"\npt-br = "whisper/small"\nfr = "whisper/medium"\n',
    )
    assert settings.model_for("stt", language) == model
