"""`python -m hushd.screen_reader` is speech-dispatcher's module `sd_hushd`."""

from __future__ import annotations

from .module import main

main()
