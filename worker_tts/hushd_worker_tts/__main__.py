"""`python -m hushd_worker_tts --engine hibari --model default`, or `--describe`.

The supervisor runs it. It imports nothing heavy: engines import their libraries in `load`.
"""

from __future__ import annotations

import argparse
import json


def main() -> None:
    parser = argparse.ArgumentParser(prog="hushd_worker_tts", description="hushd's text-to-speech worker.")
    parser.add_argument("--describe", action="store_true", help="print the engines as JSON, and exit")
    parser.add_argument("--engine", metavar="NAME", help="run as a worker with this engine")
    parser.add_argument("--model", metavar="NAME", help="the engine's model")
    options = parser.parse_args()
    if options.describe:
        from .registry import REGISTRY

        print(json.dumps(REGISTRY.describe().data()))
        return
    if not options.engine:
        parser.error("give --describe or --engine NAME")
    from hushd_worker.confinement import of_engine
    from hushd_worker.harness import serve

    from .worker import Worker

    serve(Worker(options.engine, options.model or "default"), of_engine("tts", options.engine))


if __name__ == "__main__":
    main()
