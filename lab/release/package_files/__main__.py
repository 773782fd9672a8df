"""Writes versions and names into each file that has them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from package_files import ROOT, files

if __name__ == "__main__":
    for place, text in files().items():
        (ROOT / place).write_text(text)
