"""`python -m hushd_worker_models --engine store --model local`, or `--describe`.

The supervisor runs it, like the workers for speech, because its work takes long, or much memory.
"""

from __future__ import annotations

import os

from hushd_worker.confinement import of_models
from hushd_worker.worker import asked

from .worker import Worker, describe


def main() -> None:
    engine, _ = asked(describe)
    from hushd_worker.harness import serve  # noqa: PLC0415 - loads zmq, which a description does without

    os.umask(0o022)  # the supervisor's umask protects its sockets; models are not secret, and may be shared
    serve(Worker(engine), of_models())


if __name__ == "__main__":
    main()
