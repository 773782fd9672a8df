"""The speakers whom a transcription with `diarize` calls by name: a recording of each voice, and its voiceprint."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hushd_protocol.errors import HushdError
from hushd_protocol.system import paths

if TYPE_CHECKING:
    from .transcript import Transcript

MIN_S, MAX_S = 2.0, 30.0  # of a recording


def configured() -> dict[str, str]:
    """Returns the recordings of the setting `[speakers]`, by name; relative paths begin at the configuration's folder.

    Raises:
        HushdError: `bad_request` for an error in the configuration.
    """
    from hushd_schema.settings import load

    config = paths.find().config
    speakers = load(config).speakers
    return {name: os.path.join(config.parent, os.path.expanduser(path)) for name, path in speakers.items()}


def voiceprint(name: str, transcript: Transcript) -> str:
    """Returns the voiceprint of the one person who speaks in a recording.

    Args:
        transcript: of the recording, with `voiceprints`.

    Raises:
        HushdError: `bad_request` if it is too short or too long, or nobody speaks, or several people do.
    """
    if not MIN_S <= transcript.duration <= MAX_S:
        raise HushdError(
            "bad_request",
            f"The recording of {name} takes {transcript.duration:.1f} s: {MIN_S:g} to {MAX_S:g} s are needed.",
        )
    if len(transcript.voices) != 1:
        heard = "Nobody speaks" if not transcript.voices else f"{len(transcript.voices)} people speak"
        raise HushdError("bad_request", f"{heard} in the recording of {name}: one person alone is needed.")
    return transcript.voices[0].voiceprint
