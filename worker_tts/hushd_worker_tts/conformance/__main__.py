"""`python -m hushd_worker_tts.conformance NAME [MODEL]`: the suite, for an engine that speaks."""

import sys

from hushd_worker.conformance.__main__ import main

sys.exit(main(["--role", "tts", *sys.argv[1:]]))
