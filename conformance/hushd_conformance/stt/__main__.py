"""`python -m hushd_conformance.stt NAME [MODEL]`: the suite, for a speech-to-text engine."""

import sys

from hushd_conformance.__main__ import main

sys.exit(main(["--role", "stt", *sys.argv[1:]]))
