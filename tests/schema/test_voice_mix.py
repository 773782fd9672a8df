"""The names of mixed voices, as Kokoro's programs write them."""

from __future__ import annotations

import pytest
from hushd_protocol.errors import HushdError
from hushd_schema.operations.synthesize import MAX_VOICES, mixed_name, voice_parts


@pytest.mark.parametrize(
    ("name", "mixed"),
    [
        ("af_sky", []),
        ("en_US-ryan-low", []),
        ("af_sky+af_bella", [("af_sky", 1), ("af_bella", 1)]),
        ("af_sky(2)+af_bella(1)", [("af_sky", 2), ("af_bella", 1)]),
        (" af_sky (0.5) + af_bella ", [("af_sky", 0.5), ("af_bella", 1)]),
        ("+".join(["a"] * MAX_VOICES), [("a", 1)] * MAX_VOICES),
    ],
)
def test_names(name: str, mixed: list[tuple[str, float]]) -> None:
    """A single voice is not mixed; without a weight each counts alike. Names can be written and read again."""
    assert voice_parts(name) == mixed
    assert not mixed or voice_parts(mixed_name(voice_parts(name))) == mixed


@pytest.mark.parametrize(
    "name",
    [
        "+",
        "a+",
        "+a",
        "a(0)+b",
        "a(-1)+b",
        "a(1e9)+b",
        "a(nan)+b",
        "a(99999)+b",
        "a()+b",
        "a(1)(2)+b",
        "+".join("abcdefghi"),
    ],
)
def test_what_is_no_mixed_voice(name: str) -> None:
    """A sentence says how one is written."""
    with pytest.raises(
        HushdError, match=r"is not a mixed voice: write VOICE\+VOICE or VOICE\(2\)\+VOICE\(1\)"
    ) as caught:
        voice_parts(name)
    assert caught.value.code == "bad_request"
