"""The model for a language and the voice for a name, from the lists that the door has made."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hushd import AsyncClient
from hushd_gateway.routing import Engines
from hushd_models import listings
from hushd_protocol.errors import HushdError
from hushd_protocol.system.paths import find
from hushd_schema.description import Descriptions
from hushd_schema.settings import Settings

MODELS = {
    "faster-whisper": {"name": "small", "languages": ["en", "de"], "installed": True},
    "moonshine": {"name": "tiny-en", "languages": ["en"], "installed": True},
}
VOICES = [
    {"name": name, "engine": "piper", "model": name, "language": language, "installed": True}
    for name, language in (("anna", "de-DE"), ("marie", "fr-FR"))
]
LISTED = Descriptions.from_data(
    {
        "stt": {
            "role": "stt",
            "engines": [{"name": name, "installed": True, "models": [each]} for name, each in MODELS.items()],
        },
        "tts": {"role": "tts", "engines": [{"name": "piper", "installed": True, "models": [], "voices": VOICES}]},
    }
)


@pytest.fixture(autouse=True)
def _listed(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUSHD_AUTOSTART", "1")
    listings.save_catalogues(find().listed, LISTED)


@pytest.mark.parametrize(("name", "language", "found"), [
    ("", "", (None, None)), ("", "en-US", (None, None)), ("", "de", ("faster-whisper", "small")),
    ("faster-whisper/small", "en", ("faster-whisper", "small")),
    ("Systran/faster-whisper-tiny", "en", (None, None)),
])  # fmt: skip
def test_the_model_that_knows_the_language(name: str, language: str, found: tuple[str | None, str | None]) -> None:
    """The default where it knows it, else the best that does; a name that is none of ours is passed over."""

    async def run() -> None:
        async with AsyncClient() as client:
            assert await Engines(client, Settings(), find().listed).model(name, language) == found
            await client.shutdown()

    asyncio.run(run())


def test_the_voice_of_a_name_or_a_language() -> None:
    """Both name their engine, so that nothing is listed again."""

    async def run() -> None:
        async with AsyncClient(start=False) as client:
            engines = Engines(client, Settings(), find().listed)
            assert await engines.voice("", "") == (None, None, None)
            assert await engines.voice("", "anna") == ("piper", "anna", "anna")
            assert await engines.voice("", "", "fr") == ("piper", "marie", "marie")
            with pytest.raises(HushdError, match="There is no voice 'nobody'"):
                await engines.voice("", "nobody")

    asyncio.run(run())
