"""`python -m hushd_worker_wake.conformance NAME [MODEL]`: the suite, for an engine that waits for words."""

import sys

from hushd_worker.conformance.__main__ import main

sys.exit(main(["--role", "wake", *sys.argv[1:]]))
