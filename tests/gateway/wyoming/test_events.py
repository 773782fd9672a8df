"""The parameters in Wyoming's events, by the names that the schema gives them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hushd_gateway.wyoming.events import parameters, read_event
from hushd_protocol.errors import HushdError
from hushd_schema.operation import Operation
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE


@pytest.mark.parametrize(
    ("operation", "data", "given"),
    [
        (TRANSCRIBE, {"name": "tiny", "language": "de", "context": {}}, {"language": "de"}),
        (TRANSCRIBE, {"language": ""}, {}),
        (TRANSCRIBE, {"language": ["de"]}, {}),
        (
            SYNTHESIZE,
            {"text": "Hi.", "voice": {"name": "heart", "language": "en"}},
            {"voice": "heart", "language": "en"},
        ),
        (SYNTHESIZE, {"voice": "heart", "text_format": "ssml"}, {"markup": "ssml"}),
        (SYNTHESIZE, {"voice": None, "text_format": "markdown", "wpm": 200}, {}),
    ],
)
def test_fields_of_an_operation_among_events(operation: Operation, data: dict[str, Any], given: dict[str, Any]) -> None:
    """Fields are taken by their names in Wyoming, in objects too; those of another kind are passed over."""
    assert parameters(operation, data) == given


@pytest.mark.parametrize("half", ["\\ud83d", "\\ude00"], ids=["first", "second"])
@pytest.mark.parametrize("apart", [False, True], ids=["line", "data"])
def test_half_of_a_character_is_no_event(half: str, apart: bool) -> None:
    """It could neither be spoken nor sent on: whoever sends it is told so."""
    data = f'{{"text": "{half}"}}'
    line = f'"data_length": {len(data)}}}\n{data}' if apart else f'"data": {data}}}\n'

    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(f'{{"type": "synthesize", {line}'.encode())
        reader.feed_eof()
        await read_event(reader)

    with pytest.raises(HushdError) as failed:
        asyncio.run(read())
    assert failed.value.code == "bad_request"
