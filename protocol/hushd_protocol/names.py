"""Names of engines and models, the parts of `stt/ENGINE/MODEL`, safe as a file's name; and of devices that compute."""

from __future__ import annotations

import re

NAME = r"[a-zA-Z0-9][a-zA-Z0-9._+-]{0,63}"
COMPUTE_DEVICES = "auto, cpu, cuda, cuda:NUMBER or mps"  # for people
_NAME = re.compile(NAME, re.ASCII)


def is_name(text: str) -> bool:
    """Whether `text` may be the name of an engine or a model."""
    return _NAME.fullmatch(text) is not None


def is_compute_device(text: str) -> bool:
    """Whether `text` names a device that computes, as the configuration does."""
    return re.fullmatch("auto|cpu|mps|cuda(:[0-9]{1,2})?", text) is not None
