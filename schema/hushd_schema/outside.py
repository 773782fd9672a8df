"""System programs and libraries that hushd uses if they are installed: the purpose of each, and how to install it.

Speech goes into files, and recordings into text, without any of them.
"""

from __future__ import annotations

import sys
from typing import NamedTuple


class Outside(NamedTuple):
    """A program or a library that pip does not install.

    Attributes:
        purpose: its purpose for hushd, to be read after its name: "reads M4A".
        debian: its Debian package.
        homebrew: its Homebrew formula; empty if it is useless on macOS.
    """

    purpose: str
    debian: str
    homebrew: str = ""

    def remedy(self) -> str:
        """Returns the command that installs it here."""
        if sys.platform == "darwin" and self.homebrew:
            return f"brew install {self.homebrew}"
        return f"apt install {self.debian}"


PROGRAMS = {
    "ssh": Outside("carries `hushd attach`", "openssh-client"),
    "wl-copy": Outside("fills the clipboard under Wayland", "wl-clipboard"),
    "wl-paste": Outside("reads selected text under Wayland", "wl-clipboard"),
    "wtype": Outside("types under Wayland where no portal does", "wtype"),
    "xclip": Outside("reads selected text and fills the clipboard under X11", "xclip"),
}

# By the names of `ctypes.util.find_library`.
LIBRARIES = {
    "espeak-ng": Outside("speaks a hundred languages, and reads words for other voices", "espeak-ng", "espeak-ng"),
    "portaudio": Outside("reaches loudspeaker and microphone", "libportaudio2", "portaudio"),
    "pulse": Outside("makes other programs quieter, and hears what they play", "libpulse0"),
}
