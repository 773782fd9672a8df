"""The list of languages: what `hushd get` would bring for each."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from hushd_gateway.http import models
from hushd_protocol.system import paths
from starlette.requests import Request


def test_each_language_has_what_would_be_brought_for_it(runtime: Path) -> None:
    """The user's own stand first and are marked; one that is only spoken has null for hearing, and none has null
    twice."""
    paths.find().config.write_text('languages = ["pl", "de", "xx"]\n')
    answer = asyncio.run(models.languages(Request({"type": "http"})))
    rows = json.loads(bytes(answer.body))["languages"]
    assert [row["language"] for row in rows[:2]] == ["pl", "de"]
    assert [row["own"] for row in rows] == [True] * 2 + [False] * (len(rows) - 2)
    others = [row["language"] for row in rows[2:]]
    assert others == sorted({*others} - {"pl", "de"})
    assert rows[1]["name"] == "German"
    assert all(row["hearing"] or row["speaking"] for row in rows)
    assert any(row["hearing"] is None for row in rows)
    for role, does in (("stt", "hearing"), ("tts", "speaking")):
        brought = [row[does] for row in rows if row[does]]
        assert {each["role"] for each in brought} == {role}
        assert all(each["size_mb"] > 0 and isinstance(each["commands"], list) for each in brought)
