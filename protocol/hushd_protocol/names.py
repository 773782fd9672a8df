"""Names of workers, `ROLE/ENGINE/MODEL`, and their parts, which are safe as file names; and other vocabularies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

NAME = r"[a-zA-Z0-9][a-zA-Z0-9._+-]{0,63}"
SPEECH_ROLES = ("stt", "tts")  # roles whose models produce text or speech
ENGINE_ROLES = (*SPEECH_ROLES, "wake")  # roles with several engines, one of which the configuration names
ROLES = (*ENGINE_ROLES, "models")
SPEEDS = ("fast", "medium", "slow")  # speeds of a model on a CPU
AUTO = "auto"  # name that stands for the best model installed
COMPUTE_DEVICES = "auto, cpu, mps, cuda, rocm, vulkan or a card's name such as cuda:1"  # text for messages
TRANSCRIPTS = ("txt", "vtt", "srt", "lrc", "tsv", "json")  # the formats of transcripts, and the endings of their files
USUAL_VOICE = "HUSHD_VOICE"  # the variable by which an agent's session has a voice of its own
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


def by_session(voice: str | None, options: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Returns the option by which `voice`, the value of `USUAL_VOICE`, speaks where a speech's options choose none."""
    chosen = any(options.get(name) for name in ("voice", "language", "engine", "model"))
    return {"default_voice": voice} if voice and not chosen else {}


def worker(role: str, engine: str | None = None, model: str | None = None) -> str:
    """Returns the name of a worker as far as its parts are given."""
    return "/".join(part for part in (role, engine, model) if part)


def base(worker: str) -> str:
    """The worker's name without the replica's number."""
    return worker.partition("#")[0]


def is_compute_device(text: str) -> bool:
    """Returns whether `text` names a compute device, as in the configuration."""
    return re.fullmatch("auto|cpu|mps|rocm|vulkan|cuda(:[0-9]{1,2})?", text) is not None
