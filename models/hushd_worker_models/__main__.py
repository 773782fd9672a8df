"""`python -m hushd_worker_models --engine store --model local`, or `--describe`.

The supervisor runs it, like the workers for speech, because its work takes long, or much memory.
"""

from __future__ import annotations

import argparse
import os


def main() -> None:
    parser = argparse.ArgumentParser(prog="hushd_worker_models", description="hushd's worker for models.")
    parser.add_argument("--describe", action="store_true", help="print its description as JSON and exit")
    parser.add_argument("--engine", default="store", metavar="NAME")
    parser.add_argument("--model", default="local", metavar="NAME")
    options = parser.parse_args()
    if options.describe:
        import json

        from .worker import describe

        print(json.dumps(describe().data()))
        return
    from hushd_worker.confinement import of_models
    from hushd_worker.harness import serve

    from .worker import Worker

    os.umask(0o022)  # the supervisor's umask protects its sockets; models are not secret, and may be shared
    serve(Worker(options.engine), of_models())


if __name__ == "__main__":
    main()
