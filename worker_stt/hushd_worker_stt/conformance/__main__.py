"""`python -m hushd_worker_stt.conformance NAME [MODEL]`: the suite, for an engine that hears."""

import sys

from hushd_worker.conformance.__main__ import main

sys.exit(main(["--role", "stt", *sys.argv[1:]]))
