"""`python -m hushd_worker_tts --engine hibari --model default`, or `--describe`.

The supervisor runs it. It imports nothing heavy: engines import their libraries in `load`.
"""

from __future__ import annotations

from hushd_worker.worker import asked

from .registry import REGISTRY


def main() -> None:
    engine, model = asked(REGISTRY.describe)
    from .worker import serve  # noqa: PLC0415 - loads zmq, which a description does without

    serve(engine, model)


if __name__ == "__main__":
    main()
