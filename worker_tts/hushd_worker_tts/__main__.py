"""`python -m hushd_worker_tts --engine hibari --model default`, or `--describe`.

The supervisor runs it. It imports nothing heavy: engines import their libraries in `load`.
"""

from __future__ import annotations

from hushd_worker.confinement import of_engine
from hushd_worker.worker import asked

from .registry import REGISTRY


def main() -> None:
    engine, model = asked(REGISTRY.describe)
    from hushd_worker.harness import serve  # noqa: PLC0415 - loads zmq, which a description does without

    from .worker import Worker  # noqa: PLC0415 - likewise

    serve(Worker(engine, model), of_engine("tts", engine))


if __name__ == "__main__":
    main()
