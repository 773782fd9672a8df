"""The sentences that `hushd tune --voice` has people read, from sentences.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from hushd_models import languages
from hushd_protocol.errors import HushdError


def all_texts() -> dict[str, list[str]]:
    """Returns twenty sentences for each language."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def of(language: str) -> list[str]:
    """Returns the twenty sentences of a language.

    Raises:
        HushdError: `bad_request` if there are none.
    """
    texts = all_texts()
    if (sentences := texts.get(languages.code(language))) is None:
        raise HushdError(
            "bad_request",
            f"There are sentences in {', '.join(texts)}, and none in {language}: record your own, each with its text "
            "beside it (x.wav, x.txt), and give their folder: hushd tune DIR.",
        )
    return sentences
