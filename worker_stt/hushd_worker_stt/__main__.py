"""`python -m hushd_worker_stt`: started by hushd's supervisor, as a worker or to describe the installed engines."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from hushd_protocol.system.trace import mark

if TYPE_CHECKING:
    from .worker import SpeechToText


def main() -> None:
    if "--standby" not in sys.argv:
        mark("worker started")
    parser = argparse.ArgumentParser(prog="python -m hushd_worker_stt", description=__doc__)
    parser.add_argument("--describe", action="store_true", help="print the engines as one JSON object, load nothing")
    parser.add_argument("--engine", metavar="NAME", help="run as a worker with this engine")
    parser.add_argument("--model", metavar="NAME", help="the engine's model; without one a template loads none")
    parser.add_argument("--standby", metavar="ROOM", help="serve as a template, from which workers are forked")
    arguments = parser.parse_args()
    if arguments.describe:
        from .registry import REGISTRY

        print(json.dumps(REGISTRY.describe().data()))
    elif arguments.engine:
        from hushd_worker.harness import serve

        from .worker import SpeechToText

        serve(
            _forked(parser, arguments)
            if arguments.standby
            else SpeechToText(arguments.engine, arguments.model or "default")
        )
    else:
        parser.error("give --describe or --engine NAME")


def _forked(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> SpeechToText:
    """Serves as a template; returns the worker in each process that is forked from it."""
    from hushd_worker import template

    from .worker import SpeechToText, preload

    if arguments.model:
        worker = SpeechToText(arguments.engine, arguments.model)
        template.serve(arguments.engine, worker.load_ahead, worker.template_files)
    else:
        arguments = parser.parse_args(template.serve(arguments.engine, lambda: preload(arguments.engine)))
        worker = SpeechToText(arguments.engine, arguments.model)
    mark("worker started")
    return worker


if __name__ == "__main__":
    main()
