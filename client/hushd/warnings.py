"""The warnings of a result: reasons to doubt a transcript or a speech, and the exit code that follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hushd_protocol.errors import CODES
from hushd_schema.results import ResultWarning

if TYPE_CHECKING:
    from hushd_protocol import JsonObject

CUT_OFF = "cut_off"  # the code of a warning that a part of the recording could not be read
UNLIKELY = "unlikely_text"  # code of the warning that the text is probably wrong
NO_EFFECT = "no_effect"  # the code of a warning about the request's options, not about what was made of its input


_EXIT_CODES = {CUT_OFF: CODES["input_unreadable"].exit, UNLIKELY: 11}


def exit_code(warnings: Iterable[ResultWarning]) -> int:
    """Returns a command's exit code for a printed transcript: 11 where that is probably wrong, else 4 where a part of
    the recording could not be read."""
    return max((_EXIT_CODES.get(warning.code, 0) for warning in warnings), default=0)


def unused_device(data: JsonObject) -> ResultWarning:
    """Returns the warning for a `warm` request whose worker computes on another device than the one meant."""
    device = str(data.get("compute_device") or "cpu")
    device_name = "the CPU" if device == "cpu" else device
    message = f"{data['worker']} computes on {device_name}: {data['why_there']}."
    return ResultWarning(code=NO_EFFECT, message=message)
