"""Names of workers, `ROLE/ENGINE/MODEL`, and of their parts, safe as a file's name; and other words with few values."""

from __future__ import annotations

import re

NAME = r"[a-zA-Z0-9][a-zA-Z0-9._+-]{0,63}"
SPEECH_ROLES = ("stt", "tts")  # roles of which models make text or speech
ENGINE_ROLES = (*SPEECH_ROLES, "wake")  # roles with several engines, of which the configuration names one
ROLES = (*ENGINE_ROLES, "models")
LOG_FORMATS = ("text", "json")
SPEEDS = ("fast", "medium", "slow")  # of a model, on a CPU
AUTO = "auto"  # a model's name: the best that is installed
COMPUTE_DEVICES = "auto, cpu, mps, cuda, rocm, vulkan or a card's name such as cuda:1"  # for people
_NAME = re.compile(NAME, re.ASCII)


def is_name(text: str) -> bool:
    """Returns whether `text` may be the name of an engine or a model."""
    return _NAME.fullmatch(text) is not None


def is_model(value: object) -> bool:
    """Returns whether `value` is a name ENGINE/MODEL."""
    if not isinstance(value, str):
        return False
    engine, _, model = value.partition("/")
    return is_name(engine) and is_name(model)


def base(worker: str) -> str:
    """The worker's name without the replica's number."""
    return worker.partition("#")[0]


def is_compute_device(text: str) -> bool:
    """Returns whether `text` names a device that computes, as the configuration does."""
    return re.fullmatch("auto|cpu|mps|(cuda|rocm|vulkan)(:[0-9]{1,2})?", text) is not None
