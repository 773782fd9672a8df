"""Log probabilities, as OpenAI's own client reads them, of a program that rates its words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.http_gateway import HttpGateway

if TYPE_CHECKING:
    from openai import OpenAI

WORDS = [{"word": word, "start": n, "end": n + 1, "probability": 0.5 + n / 4} for n, word in enumerate(["Ever", "no."])]
HEARD = {"segments": [{"start": 0, "end": 2, "text": "Ever no.", "words": WORDS}]}


@pytest.fixture(scope="module")
def rated(gateway: HttpGateway, home: Path) -> str:
    """The name of the program's model."""
    (home / "commands").mkdir()
    run = [sys.executable, "-c", f"print({json.dumps(HEARD)!r})", "{wav}"]
    lines = f"run = {json.dumps(run)}\noutput = 'json'\nlanguages = ['en']\n"
    (home / "commands" / "mine.toml").write_text(lines)
    return "command/mine"


def test_openais_client_gets_them(rated: str, openai: OpenAI, beckett: Path) -> None:
    """Whole and streamed; an engine that knows none is refused, and so is a form that has no place for them."""
    from openai import BadRequestError, NotFoundError

    ask: dict[str, Any] = {"file": beckett, "include": ["logprobs"], "model": rated}
    whole = openai.audio.transcriptions.create(**ask)
    assert "".join(_tokens(whole.logprobs)) == whole.text
    assert [entry.logprob for entry in whole.logprobs or ()][:2] == pytest.approx([-0.6931, -0.2877], abs=1e-4)
    events = list(openai.audio.transcriptions.create(**ask, stream=True))
    deltas = [token for event in events[:-1] for token in _tokens(event.logprobs)]
    assert deltas == _tokens(events[-1].logprobs) == _tokens(whole.logprobs)
    with pytest.raises(BadRequestError, match="logprobs come with the response_format json, not srt"):
        openai.audio.transcriptions.create(**ask, response_format="srt")
    with pytest.raises(NotFoundError, match="moonshine does not know how likely each word is"):
        openai.audio.transcriptions.create(**{**ask, "model": "moonshine/tiny-en"})


def _tokens(entries: Iterable[object] | None) -> list[str]:
    return [str(getattr(entry, "token", "")) for entry in entries or ()]
