"""`python -m hushd` is the command `hushd`."""

from __future__ import annotations

from .cli.entry import hushd

hushd()
