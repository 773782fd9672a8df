"""The tables `[neighbours.NAME]` of the configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hushd_neighbours.settings import NeighbourSettings
from hushd_protocol.errors import HushdError
from hushd_schema import settings as schema
from hushd_schema.settings import Settings
from hushd_schema.settings.declaration import settings_of
from hushd_schema.settings.reference import rows

DOCUMENT = Path(__file__).parents[3] / "docs" / "CONFIGURATION.md"


def load(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text)
    return schema.load(file)


def test_the_document_shows_every_key() -> None:
    """The example in docs/CONFIGURATION.md."""
    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    (neighbour,) = [block for block in blocks if block.startswith("[neighbours.")]
    assert set(re.findall(r"^(\w+) = ", neighbour, re.MULTILINE)) == set(settings_of(NeighbourSettings))


def test_a_neighbour_is_read_strictly_and_its_token_is_never_shown(tmp_path: Path) -> None:
    """A neighbour needs a kind, and an address; no listing and no refusal has a token."""
    text = '[neighbours.big]\nkind = "llama-swap"\nurl = "http://10.0.0.2:8000"\ntoken = "s3cret"\nidle = "2m"\n'
    settings = load(tmp_path, f'{text}[neighbours.others]\nkind = "ollama"\nurl = "http://127.0.0.1:1"\n')
    assert settings.plugins["neighbours"] == {
        "big": NeighbourSettings("llama-swap", "http://10.0.0.2:8000", 120.0, "s3cret"),
        "others": NeighbourSettings("ollama", "http://127.0.0.1:1"),
    }
    shown = {".".join(row["path"]): row["value"] for row in rows(settings)}
    assert (shown["neighbours.big.token"], shown["neighbours.others.token"]) == ("(secret)", "")
    assert shown["neighbours.big.idle"] == 120.0
    for wrong in (
        'kind = "olama"', "", 'kind = "ollama"', "port = 1",
        'kind = "llama-swap"\nurl = "x"', 'kind = "llama-swap"\nurl = "ftp://x"', 'kind = "llama-swap"\nurl = "http://a:b@c"',
        'kind = "llama-swap"\nurl = "http://x"\nidle = -1', 'token = ["s3cret"]', 'kind = "llama-swap"\nurl = "http://x:99999"',
    ):  # fmt: skip
        with pytest.raises(HushdError, match=r"neighbours\.big") as refused:
            load(tmp_path, f"[neighbours.big]\n{wrong}\n")
        assert "s3cret" not in refused.value.message
