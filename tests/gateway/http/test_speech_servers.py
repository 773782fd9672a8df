"""Speech servers of the user's over HTTP: they are listed as models, and get the fields that hushd does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import servers
from support.http_gateway import HttpGateway

if TYPE_CHECKING:
    from openai import OpenAI


@pytest.fixture(scope="module")
def told(home: Path) -> Path:
    """The file in which the server writes what it was asked."""
    servers.write(home, "mine", "voices", voices="/voices", env={"TOLD": str(home / "told")}, languages=["en"])
    return home / "told"


@pytest.fixture(scope="module")
def client(told: Path, gateway: HttpGateway) -> Iterator[OpenAI]:
    from openai import OpenAI

    with OpenAI(base_url=f"http://127.0.0.1:{gateway.port}/v1", api_key="none", max_retries=0) as made:
        yield made


def asked(told: Path) -> dict[str, Any]:
    """The last request, with its fields if it was to speak."""
    last = json.loads(told.read_text().splitlines()[-1])
    return dict(json.loads(last["body"])) if last["path"].endswith("speech") else dict(last)


def test_it_is_a_model_among_others(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert names.count("server/mine") == 2  # as one that speaks, and as one that hears


def test_further_fields_reach_it(client: OpenAI, told: Path) -> None:
    """Its own voices have their own names; OpenAI's names stand for its default."""
    extra = {"exaggeration": 0.7, "ref_audio": "Robert.wav", "nothing": None}
    sound = client.audio.speech.create(
        model="server/mine", voice="alloy", input="one two", response_format="wav", extra_body=extra,
        instructions="Whisper.",
    ).content  # fmt: skip
    assert sound[:4] == b"RIFF"
    fields = asked(told)
    assert (fields["exaggeration"], fields["ref_audio"], fields["instructions"]) == (0.7, "Robert.wav", "Whisper.")
    assert "nothing" not in fields
    assert fields["voice"] == "anna"
    client.audio.speech.create(model="server/mine", voice="bert", input="one", response_format="wav")
    assert asked(told)["voice"] == "bert"


def test_a_file_of_this_machine_is_not_named_over_http(client: OpenAI) -> None:
    from openai import BadRequestError

    for path in ("/etc/passwd", "~/voice.wav", "file:///etc/passwd"):
        with pytest.raises(BadRequestError, match="ref_audio names a file"):
            client.audio.speech.create(
                model="server/mine", voice="alloy", input="one", extra_body={"ref_audio": path}
            )  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_it_hears(client: OpenAI, told: Path, beckett: Path, stream: bool) -> None:
    """It gets the fields that hushd does not know, whole or as a stream of events."""
    heard = client.audio.transcriptions.create(
        model="server/mine", file=beckett, response_format="json", stream=stream, extra_body={"vad_filter": "true"}
    )
    text = next(event.text for event in heard if event.type == "transcript.text.done") if stream else heard.text
    assert text.startswith("heard ")
    assert 'name="vad_filter"\r\n\r\ntrue' in asked(told)["body"]


def test_other_engines_get_none_of_them(client: OpenAI, beckett: Path) -> None:
    assert client.audio.speech.create(
        model="hibari/en", voice="alloy", input="One.", response_format="wav", extra_body={"exaggeration": 0.7}
    ).content
