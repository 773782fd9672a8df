"""A template without an engine, for tests: `python template.py [MODE]`; the workers forked from it print and wait.

MODE `threads` starts a thread at its import, `refuses` has a reason of its own, and `slow` never gets ready.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from hushd_protocol.errors import HushdError
from hushd_protocol.system import lifeline
from hushd_worker import template

MODE = sys.argv[1] if len(sys.argv) > 1 else ""


def preload() -> None:
    if MODE == "threads":
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    elif MODE == "refuses":
        raise HushdError("unsupported", "Not this one.")
    elif MODE == "slow":
        time.sleep(3600)


if __name__ == "__main__":
    _, *arguments = template.serve("stt/test", preload)
    lifeline.arm(int(os.environ["HUSHD_LIFELINE"]), int(os.environ["HUSHD_SUPERVISOR"]))
    print(*arguments, os.getpid(), os.getpgrp(), os.getppid(), os.environ.get("MINE"), "HUSHD_TEMPLATE" in os.environ)
    sys.stdout.flush()
    if arguments[0] == "wait":
        time.sleep(3600)
    os._exit(int(arguments[1]))
