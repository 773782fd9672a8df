"""`python -m hushd_conformance.tts NAME [MODEL]`: the suite, for an engine that speaks."""

import sys

from hushd_conformance.__main__ import main

sys.exit(main(["--role", "tts", *sys.argv[1:]]))
