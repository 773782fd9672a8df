"""System programs and libraries that hushd uses if they are installed, and how to install each.

Speech goes into files, and recordings into text, without any of them.
"""

from __future__ import annotations

import sys
from typing import NamedTuple


class Outside(NamedTuple):
    """A program or a library that pip does not install.

    Attributes:
        debian: its Debian package.
        homebrew: its Homebrew formula; empty if it is useless on macOS.
    """

    debian: str
    homebrew: str = ""

    def remedy(self) -> str:
        """Returns the command that installs it here."""
        if sys.platform == "darwin" and self.homebrew:
            return f"brew install {self.homebrew}"
        return f"apt install {self.debian}"


PROGRAMS = {
    "ssh": Outside("openssh-client"),
    "wl-copy": Outside("wl-clipboard"),
    "wl-paste": Outside("wl-clipboard"),
    "wtype": Outside("wtype"),
    "xclip": Outside("xclip"),
}

# By the names of `ctypes.util.find_library`.
LIBRARIES = {
    "espeak-ng": Outside("espeak-ng", "espeak-ng"),
    "portaudio": Outside("libportaudio2", "portaudio"),
    "pulse": Outside("libpulse0"),
}
