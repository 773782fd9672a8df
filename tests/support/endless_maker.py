"""A module such as `prepared.make_beside` runs, whose work never ends: it writes who does it into a file.

As a program with other arguments it is the process that has the file made: `endless_maker.py worker FILE`, as a worker
does that ends at once, or `endless_maker.py supervisor FILE`, which starts that and then waits for ever.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hushd_worker_tts.engines import prepared


def make(file: str) -> None:
    Path(file).write_text(f"{os.getpid()} {os.getppid()} {os.nice(0)}")
    signal.pause()


def main() -> None:
    if sys.argv[1] == "supervisor":
        worker = subprocess.Popen([sys.executable, __file__, "worker", sys.argv[2]], process_group=0)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        os.killpg(worker.pid, signal.SIGKILL)  # as hushd's supervisor does
        worker.wait()
        print("the worker has ended", flush=True)
        signal.pause()
    elif sys.argv[1] == "worker":
        prepared.make_beside("support.endless_maker", sys.argv[2])
        sys.stdin.readline()
        os._exit(0)
    else:
        prepared.make_alone(make)


if __name__ == "__main__":
    main()
