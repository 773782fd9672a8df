"""Tests of the lists of models and voices that other programs ask for."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hushd_models import listings
from hushd_protocol.system import atomic_file, best_effort
from hushd_schema.description import Descriptions

NOTHING = Descriptions.from_data({})


def engine(name: str, models: dict[str, bool], voices: tuple[str, ...] = (), installed: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "installed": installed,
        "models": [{"name": model, "languages": ["en"], "installed": there} for model, there in models.items()],
        "default_voice": voices[-1] if voices else "",
        "voices": [
            {"name": voice, "engine": name, "model": next(iter(models)), "language": "en-GB", "installed": True}
            for voice in voices
        ],
    }


CATALOGUES = Descriptions.from_data(
    {
        "stt": {
            "default": "small/b",
            "engines": [
                engine("large", {"x": True, "y": False}),
                engine("absent", {"z": True}, installed=False),
                engine("small", {"a": True, "b": True}),
            ],
        },
        "tts": {"default": "reader/en", "engines": [engine("reader", {"en": True}, ("ann", "bob"))]},
    }
)


def test_models_are_the_installed_ones_and_openais_names() -> None:
    """The default comes first, since programs preselect it; OpenAI's names and the user's follow."""
    listed = listings.models(CATALOGUES, {"mine": "reader/en", "tts-1": "reader/en"})
    ids = [entry["id"] for entry in listed]
    assert ids[:4] == ["small/b", "small/a", "large/x", "reader/en"]
    assert set(ids[4:]) == {name for names in listings.OPENAI_NAMES.values() for name in names} | {"mine"}
    assert len(ids) == len(set(ids))
    assert listed[-1] == listings.model("mine", "tts")


def test_info_is_one_program_for_each_direction() -> None:
    """Home Assistant looks at the first program alone. Voices begin with the engine's default, and have an id that is
    their name, as Kokoro's clients expect."""
    voices = listings.voices(CATALOGUES)
    assert [(voice["id"], voice["name"]) for voice in voices] == [("bob", "bob"), ("ann", "ann")]
    info = listings.info(CATALOGUES)
    assert [len(info[kind]) for kind in ("asr", "tts")] == [1, 1]
    assert [model["name"] for model in info["asr"][0]["models"]] == ["small/b", "small/a", "large/x"]
    assert info["tts"][0]["supports_synthesize_streaming"] is True


def test_nothing_installed_is_listed_as_nothing() -> None:
    """A catalogue that could not be read, or has no engines, breaks no list."""
    none = Descriptions.from_data({})
    assert listings.voices(none) == []
    assert (listings.info(none)["asr"][0]["models"], listings.info(none)["asr"][0]["installed"]) == ([], False)
    assert json.dumps(listings.models(Descriptions.from_data({"stt": {"default": "a/b"}})))


@pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")  # the package's own import
def test_the_wyoming_package_reads_our_info() -> None:
    """The bytes are the event that its own writer would make."""
    pytest.importorskip("wyoming")
    from wyoming.event import async_read_event
    from wyoming.info import Info

    async def read() -> Info:
        reader = asyncio.StreamReader()
        reader.feed_data(listings.info_event(listings.info(CATALOGUES)))
        event = await async_read_event(reader)
        assert event is not None
        return Info.from_event(event)

    info = asyncio.run(read())
    assert (info.asr[0].name, info.tts[0].voices[0].name) == ("hushd", "bob")


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    """Each change is seen at once; without a file, or with half of one, there is nothing."""
    file = tmp_path / "engines.json"
    assert listings.load_catalogues(file) == NOTHING
    for name in ("piper", "kokoro"):
        listings.save_catalogues(file, Descriptions.from_data({"tts": {"engines": [{"name": name}]}}))
        assert [engine.name for engine in listings.load_catalogues(file).tts.engines] == [name]
    assert file.stat().st_mode & 0o777 == 0o600
    for broken in ('{"tts": ', '{"tts": 5}'):
        file.write_text(broken)
        assert listings.load_catalogues(file) == NOTHING


def test_catalogues_that_cannot_be_saved_leave_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of before would be taken for today's; the reason is reported, and a folder in its place is left alone."""
    (tmp_path / "engines.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    reported: list[tuple[Path, OSError]] = []
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(best_effort, "failed", lambda path, error: reported.append((path, error)))
    monkeypatch.setattr(atomic_file, "replace", lambda *_, **__: (_ for _ in ()).throw(full))
    for name in ("engines.json", "engines.json", "folder"):
        listings.save_catalogues(tmp_path / name, CATALOGUES)
    assert reported[:3] == [(tmp_path / name, full) for name in ("engines.json", "engines.json", "folder")]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_voice_that_two_engines_have_is_the_default_engines() -> None:
    """A name is listed once; robotic voices are offered to Home Assistant where their language has no other."""
    other = engine("robot", {"r": True}, ("bob", "eve", "max")) | {"robotic": True}
    other["voices"][0]["language"] = other["voices"][2]["language"] = "de-DE"
    both = {"default": "reader/en", "engines": [other, engine("reader", {"en": True}, ("ann", "bob"))]}
    listed = Descriptions.from_data({"tts": both})
    assert [voice["id"] for voice in listings.voices(listed)] == ["bob", "ann", "max", "eve"]
    assert [voice["name"] for voice in listings.info(listed)["tts"][0]["voices"]] == ["bob", "ann", "max"]
