"""Tests of the file of engines that the door leaves for its gateway."""

from __future__ import annotations

from pathlib import Path

from hushd_models import listed
from hushd_schema.description import Descriptions

NOTHING = Descriptions.from_data({})


def test_what_was_saved_last_is_loaded(tmp_path: Path) -> None:
    """Each change is seen at once; without a file, or with half of one, there is nothing."""
    file = tmp_path / "engines.json"
    assert listed.load(file) == NOTHING
    for name in ("piper", "kokoro"):
        listed.save(file, Descriptions.from_data({"tts": {"engines": [{"name": name}]}}))
        assert [engine.name for engine in listed.load(file).tts.engines] == [name]
    for broken in ('{"tts": ', '{"tts": 5}'):
        file.write_text(broken)
        assert listed.load(file) == NOTHING
