"""The options of `synthesize`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from hushd_protocol.errors import HushdError

from hushd.audio.sound_file import FORMATS

VOLUMES = (0.0, 2.0)


class SynthesizeOptions(TypedDict, total=False):
    """Options of a speech. The engine decides what is left out or None.

    Attributes:
        voice: a name from `Client.voices`, also as ENGINE/NAME, or one of OpenAI's (`voices.ALIASES`); it also
            chooses the engine.
        language: a tag such as fr or pt-BR, which chooses the voice where none is named.
        wpm: words a minute; or else `speed`.
        speed: a factor of the voice's own pace.
        markup: the form of the text: `text`, `markdown` or `ssml` (docs/SPEAKING.md).
        pronounce: replacements for words, by the word.
        volume: 0 to 2 times as loud as the voice is; `hushd.Player` has a volume that can be changed meanwhile.
        sample_rate: Hz, 8000 to 48000; None: the voice's own.
        channels: 1, or 2 of the same.
        timeline: whether `Speech.timeline` is wanted.
    """

    voice: str | None
    language: str | None
    wpm: float | None
    speed: float | None
    markup: str | None
    pronounce: Mapping[str, str] | None
    volume: float | None
    sample_rate: int | None
    channels: int | None
    timeline: bool


def speech_params(options: SynthesizeOptions, form: str, timeline: bool) -> dict[str, Any]:
    """Returns the parameters of a speech in the format `form`. Raises as `synthesize_params`.

    Raises:
        HushdError: `bad_request` for an unknown format.
    """
    if form not in ("s16le", *FORMATS):
        raise HushdError("bad_request", f"There is no format {form!r}: choose s16le or one of {', '.join(FORMATS)}.")
    return synthesize_params(options) | {"format": form} | ({"timeline": True} if timeline else {})


def synthesize_params(options: SynthesizeOptions) -> dict[str, Any]:
    """Returns the options as a request carries them, without those that are left out.

    Raises:
        TypeError: for a name that is no option.
    """
    given = cast(Mapping[str, Any], options)
    if unknown := [name for name in given if name not in SynthesizeOptions.__annotations__]:
        raise TypeError(
            f"synthesize has no option {unknown[0]!r}: it takes {', '.join(SynthesizeOptions.__annotations__)}"
        )
    wanted = {name: value for name, value in given.items() if value is not None and value is not False}
    if "pronounce" in wanted:
        wanted["pronounce"] = dict(wanted["pronounce"])
    return wanted
