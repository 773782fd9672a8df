"""Converts OpenAI's Whisper checkpoints to CTranslate2 models, without torch or transformers."""

from __future__ import annotations

import json
import os


def say(**words: object) -> None:
    """Prints a line of a conversion program's progress for hushd: `done` and `total`, or `error` and `message`."""
    os.write(1, json.dumps(words).encode() + b"\n")
