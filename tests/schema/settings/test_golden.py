"""Everything that users read about settings is as in the golden file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden import golden, settings

GOLDEN = json.loads(settings.GOLDEN.read_text())


@pytest.mark.parametrize("part", GOLDEN)
def test_what_is_said_of_configurations_changes_on_purpose_only(part: str, runtime: Path, tmp_path: Path) -> None:
    """Each configuration of the file is read, refused, checked and shown in the same words as when it was written."""
    agreed, found = map(settings.as_text, (GOLDEN[part], settings.PARTS[part](tmp_path)))
    golden.check(f"settings.json, {part}", agreed, found)


def test_a_mistake_is_an_error_that_names_its_file() -> None:
    """Each configuration that is refused has one sentence, which begins with the file; the file has the key's name."""
    refused = [said for said in GOLDEN["read"].values() if not said.startswith("[")]
    assert len(refused) > 500
    assert [said for said in refused if not said.startswith("bad_request: FILE: ") or "\n" in said] == []
