"""`python -m hushd_conformance.wake NAME [MODEL]`: the suite, for a wake-word engine."""

import sys

from hushd_conformance.__main__ import main

sys.exit(main(["--role", "wake", *sys.argv[1:]]))
