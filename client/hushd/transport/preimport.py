"""Imports what a client needs at the end of a request or of its supervisor, while it waits: see `own_modules`.

Else an upgrade in the middle of a long recording would lose it, although the worker goes on.
"""

from hushd_protocol.system import liveness
from hushd_schema import speech, transcript

from . import autostart

__all__ = ["autostart", "liveness", "speech", "transcript"]
