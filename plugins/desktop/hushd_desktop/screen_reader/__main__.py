"""`python -m hushd_desktop.screen_reader` is speech-dispatcher's module `sd_hushd`."""

from .module import main

main()
