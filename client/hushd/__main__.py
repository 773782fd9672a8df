"""`python -m hushd` is the command `hushd`."""

from __future__ import annotations

from hushd_command import hushd

hushd()
