"""Speakers that a request names with a recording of each voice: known for that request only, and never stored."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from hushd_protocol.errors import HushdError
from hushd_schema.results import is_name

from .. import fields
from ..context import Context
from ..errors import bad
from ..fields import Fields

NAMES, REFERENCES = "known_speaker_names", "known_speaker_references"
MAX_SPEAKERS = 4  # as in OpenAI's API


def references(data: Fields) -> dict[str, bytes]:
    """Returns the reference recordings of a request, by the speaker's name.

    Raises:
        ApiError: for names and references that are not pairs, or are malformed.
    """
    names, urls = fields.texts(data, NAMES), fields.texts(data, REFERENCES)
    if len(names) != len(urls):
        raise bad(f"{NAMES} and {REFERENCES} go in pairs: there are {len(names)} and {len(urls)}.", NAMES)
    if len(names) > MAX_SPEAKERS:
        raise bad(f"{NAMES} takes {MAX_SPEAKERS} names at most.", NAMES)
    if len(set(names)) < len(names) or not all(map(is_name, names)):
        raise bad(f"{NAMES} takes different names, each a line of at most 64 characters.", NAMES)
    return {name: _sound(url) for name, url in zip(names, urls, strict=True)}


async def voiceprints(shared: Context, recordings: Mapping[str, bytes], **model: Any) -> dict[str, str]:
    """Returns the voiceprint in each recording, by name.

    Raises:
        ApiError: for a recording that cannot be read, is too short or too long, or has several voices or none.
    """
    prints: dict[str, str] = {}
    for name, sound in recordings.items():
        try:
            prints |= await shared.client.voiceprints({name: sound}, **model)
        except HushdError as error:
            if error.culprit != "client" or error.retryable:
                raise
            raise bad(f"The reference of {name} in {REFERENCES} cannot be used: {error.message}", REFERENCES) from error
    return prints


def _sound(url: str) -> bytes:
    """Returns the bytes of a data URL."""
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
