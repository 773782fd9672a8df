"""`python -m hushd_worker_wake`: started by hushd's supervisor, as a worker or to describe the installed engines."""

from __future__ import annotations

import argparse
import json


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hushd_worker_wake", description=__doc__)
    parser.add_argument(
        "--describe", action="store_true", help="print the engines as one JSON object, without loading any"
    )
    parser.add_argument("--engine", metavar="NAME", help="run as a worker with this engine")
    parser.add_argument("--model", default="default", metavar="NAME", help="the engine's model")
    arguments = parser.parse_args()
    if arguments.describe:
        from .registry import REGISTRY

        print(json.dumps(REGISTRY.describe().data()))
    elif arguments.engine:
        from hushd_worker.confinement import of_engine
        from hushd_worker.harness import serve

        from .worker import WakeWorker

        serve(WakeWorker(arguments.engine, arguments.model), of_engine("wake", arguments.engine))
    else:
        parser.error("give --describe or --engine NAME")


if __name__ == "__main__":
    main()
