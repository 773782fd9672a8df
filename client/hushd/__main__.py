"""`python -m hushd` is the command `hushd`."""

from hushd_command import hushd

hushd()
