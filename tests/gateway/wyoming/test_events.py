"""The parameters in Wyoming's events, by the names that the schema gives them."""

from __future__ import annotations

from typing import Any

import pytest
from hushd_gateway.wyoming.events import parameters
from hushd_schema.operations import Operation
from hushd_schema.operations.synthesize import SYNTHESIZE
from hushd_schema.operations.transcribe import TRANSCRIBE


@pytest.mark.parametrize(("operation", "data", "given"), [
    (TRANSCRIBE, {"name": "tiny", "language": "de", "context": {}}, {"language": "de"}),
    (TRANSCRIBE, {"language": ""}, {}), (TRANSCRIBE, {"language": ["de"]}, {}),
    (SYNTHESIZE, {"text": "Hi.", "voice": {"name": "heart", "language": "en"}}, {"voice": "heart", "language": "en"}),
    (SYNTHESIZE, {"voice": None, "markup": "markdown", "wpm": 200}, {}),
])  # fmt: skip
def test_fields_of_an_operation_among_events(operation: Operation, data: dict[str, Any], given: dict[str, Any]) -> None:
    """Fields are taken by their names in Wyoming, in objects too; those of another kind are passed over."""
    assert parameters(operation, data) == given
