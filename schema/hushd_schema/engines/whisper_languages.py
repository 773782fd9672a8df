"""The languages and alternative names of Whisper's models, which several engines run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The languages in the order of their tokens, `<|en|>` first. The last, Cantonese, came with large-v3.
ALL = (
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml "
    "cy sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am "
    "yi lo uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su yue"
)
ALL_BUT_YUE = ALL.removesuffix(" yue")
# By the name of a model: OpenAI's other names for it, and whether it translates.
MORE: Mapping[str, Mapping[str, Any]] = {
    "large-v3": {"aliases": ["large"]},
    "large-v3-turbo": {"aliases": ["turbo"], "translation": False},
}
_ENGLISH_VOCABULARY = 51_864  # tokens; multilingual models have one more, and one for each language above 99


def of(vocabulary: int) -> tuple[str, ...]:
    """Returns the languages of a model with `vocabulary` tokens."""
    if vocabulary <= _ENGLISH_VOCABULARY:
        return ("en",)
    return tuple(ALL.split())[: vocabulary - _ENGLISH_VOCABULARY + 98]
