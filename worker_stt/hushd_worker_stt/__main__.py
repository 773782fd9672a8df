"""`python -m hushd_worker_stt`, which hushd's supervisor starts as a worker or to describe the installed engines."""

from __future__ import annotations

import argparse
import json


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hushd_worker_stt", description=__doc__)
    parser.add_argument("--describe", action="store_true", help="print the engines as JSON and exit")
    parser.add_argument("--engine", metavar="NAME", help="run as a worker with this engine")
    parser.add_argument("--model", metavar="NAME", help="the engine's model")
    arguments = parser.parse_args()
    if arguments.describe:
        from .registry import REGISTRY

        print(json.dumps(REGISTRY.describe().data()))
    elif arguments.engine:
        from hushd_worker.confinement import of_engine
        from hushd_worker.harness import serve

        from .worker import SpeechToText

        serve(SpeechToText(arguments.engine, arguments.model or "default"), of_engine("stt", arguments.engine))
    else:
        parser.error("give --describe or --engine NAME")


if __name__ == "__main__":
    main()
