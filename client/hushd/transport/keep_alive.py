"""The time for which a worker is kept after a job, as a number of seconds or a string."""

from __future__ import annotations

from hushd_protocol.errors import HushdError


def parse(value: float | str) -> float:
    """Seconds: 0 ends the worker with the job, -1.0 keeps it until it is unloaded.

    Takes a number of seconds or a string: a number ("300", "-1", "0") or a duration with units ("5m", "1h30m",
    "-1m"). A negative value means for ever. Both forms are taken everywhere: users of a server that took "-1" in
    one place and only -1 in another could not find out why their setting had no effect.

    Raises:
        HushdError: `bad_request` when it is neither.
    """
    from hushd_protocol import duration  # most requests do not set it, and every command imports this module

    seconds = duration.parse(value)
    if seconds is None:
        raise _refusal(value)
    return seconds


def _refusal(value: object) -> HushdError:
    quoted_value = f"{value!r:.40}"
    return HushdError(
        "bad_request",
        f"{quoted_value} is not a time to keep a worker alive: "
        "give seconds (300), a duration (5m, 1h30m), 0 or -1 (for ever).",
    )
