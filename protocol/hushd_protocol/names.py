"""Names of engines and models: the parts of `stt/ENGINE/MODEL`, safe as a file's name."""

from __future__ import annotations

import re

NAME = r"[a-zA-Z0-9][a-zA-Z0-9._+-]{0,63}"
_NAME = re.compile(NAME, re.ASCII)


def is_name(text: str) -> bool:
    """Whether `text` may be the name of an engine or a model."""
    return _NAME.fullmatch(text) is not None
