"""`python -m hushd_conformance.tts NAME [MODEL]`: the suite, for a text-to-speech engine."""

import sys

from hushd_conformance.__main__ import main

sys.exit(main(["--role", "tts", *sys.argv[1:]]))
