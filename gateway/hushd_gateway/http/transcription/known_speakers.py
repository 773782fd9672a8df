"""People whom a request names, each with a recording of their voice: known for that request alone, stored nowhere."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from hushd_protocol.errors import HushdError
from hushd_schema.voiceprint import is_name

from .. import fields
from ..context import Context
from ..errors import ApiError, bad
from ..fields import Fields

NAMES, REFERENCES = "known_speaker_names", "known_speaker_references"
MOST = 4  # as OpenAI takes
SHORTEST_S, LONGEST_S = 2.0, 30.0  # of a reference, where OpenAI takes 10 s at most


def references(data: Fields) -> dict[str, bytes]:
    """Returns the recordings of a request's known speakers, by name.

    Raises:
        ApiError: for names and references that do not belong together, and for what is neither.
    """
    names, urls = fields.texts(data, NAMES), fields.texts(data, REFERENCES)
    if len(names) != len(urls):
        raise bad(f"{NAMES} and {REFERENCES} go in pairs: there are {len(names)} and {len(urls)}.", NAMES)
    if len(names) > MOST:
        raise bad(f"{NAMES} takes {MOST} names at most.", NAMES)
    if len(set(names)) < len(names) or not all(map(is_name, names)):
        raise bad(f"{NAMES} takes names that differ, each a line of at most 64 characters.", NAMES)
    return {name: _sound(url) for name, url in zip(names, urls, strict=True)}


async def voiceprints(shared: Context, recordings: Mapping[str, bytes], **model: Any) -> dict[str, str]:
    """Returns the voiceprints of the speakers in `recordings`, one each.

    Raises:
        ApiError: for a recording that cannot be read, is too short or too long, or has not one voice.
    """
    known = {}
    for name, sound in recordings.items():
        try:
            heard = await shared.client.transcribe(sound, diarize=True, voiceprints=True, **model)
        except HushdError as error:
            if error.culprit != "client" or error.retryable:
                raise
            raise _refused(name, f"it cannot be used ({error.message})") from error
        if not SHORTEST_S <= heard.duration <= LONGEST_S:
            raise _refused(name, f"it takes {heard.duration:.1f} s, and {SHORTEST_S:g} to {LONGEST_S:g} are needed")
        if len(heard.voices) != 1:
            raise _refused(name, f"{len(heard.voices) or 'no'} people are heard in it, where one is needed")
        known[name] = heard.voices[0].voiceprint
    return known


def _sound(url: str) -> bytes:
    """The bytes of a data URL."""
    head, comma, data = url.partition(",")
    if not (comma and head[:5].lower() == "data:"):
        raise bad(f"{REFERENCES} takes recordings as data URLs: data:audio/wav;base64,…", REFERENCES)
    encoded = unquote_to_bytes(data)
    if not head.lower().endswith(";base64"):
        return encoded
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise bad(f"{REFERENCES} has base64 that cannot be read ({error}).", REFERENCES) from None


def _refused(name: str, why: str) -> ApiError:
    return bad(f"The reference of {name} in {REFERENCES}: {why}.", REFERENCES)
