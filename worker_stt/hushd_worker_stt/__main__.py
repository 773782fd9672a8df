"""`python -m hushd_worker_stt`, which hushd's supervisor starts as a worker or to describe the installed engines."""

from __future__ import annotations

from hushd_worker.confinement import of_engine
from hushd_worker.worker import asked

from .registry import REGISTRY


def main() -> None:
    engine, model = asked(REGISTRY.describe)
    from hushd_worker.harness import serve  # noqa: PLC0415 - loads zmq, which a description does without

    from .worker import SpeechToText  # noqa: PLC0415 - likewise

    serve(SpeechToText(engine, model), of_engine("stt", engine))


if __name__ == "__main__":
    main()
