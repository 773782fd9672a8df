"""The options of `synthesize`."""

from __future__ import annotations

from hushd_protocol import JsonObject
from hushd_schema.kinds import check
from hushd_schema.operations import given
from hushd_schema.operations.synthesize import OPTIONS, SYNTHESIZE, SynthesizeOptions


def speech_params(options: SynthesizeOptions, form: str, timeline: bool) -> JsonObject:
    """Returns the parameters of a speech in the format `form`. Raises as `synthesize_params`.

    Raises:
        HushdError: `bad_request` for an unknown format.
    """
    check("format", form, SYNTHESIZE.fields["format"].kind)
    return synthesize_params(options) | {"format": form} | ({"timeline": True} if timeline else {})


def synthesize_params(options: SynthesizeOptions) -> JsonObject:
    """Returns the options as a request carries them, without those that are left out.

    Raises:
        TypeError: for a name that is not an option.
    """
    params = given("synthesize", options, OPTIONS)
    if "pronounce" in params:
        params["pronounce"] = dict(params["pronounce"])
    return params
