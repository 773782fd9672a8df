"""`python -m hushd_worker_wake`: started by hushd's supervisor, as a worker or to describe the installed engines."""

from __future__ import annotations

from hushd_worker.worker import asked

from .registry import REGISTRY


def main() -> None:
    engine, model = asked(REGISTRY.describe)
    from .worker import serve  # noqa: PLC0415 - loads zmq, which a description does without

    serve(engine, model)


if __name__ == "__main__":
    main()
