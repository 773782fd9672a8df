"""An example of the memory treaty, docs/TREATY.md of hushd: a server that holds memory and gives it.

usage: example_holder.py [MEGABYTES] [MODELS]

Each of its models is a block of memory. A line on its standard input uses the first model. If it was unloaded, it is
loaded again as soon as no asker needs the memory any more. SIGTERM ends it.
"""

from __future__ import annotations

import os
import selectors
import signal
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "hushd_treaty"))  # a program of your own has the file beside it
from memory_treaty import Give, Held, Holder

SIZE = int(sys.argv[1] if len(sys.argv) > 1 else 64) * 1_000_000
NAMES = [f"model-{number}" for number in range(int(sys.argv[2] if len(sys.argv) > 2 else 2))]


def main() -> None:
    holder = Holder("example")
    models = {name: (bytearray(SIZE), time.time()) for name in NAMES}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    waiting = selectors.DefaultSelector()
    waiting.register(holder, selectors.EVENT_READ)
    waiting.register(sys.stdin, selectors.EVENT_READ)
    try:
        while True:
            holder.publish(Held(name, SIZE, {}, since, reload_s=0.1) for name, (_, since) in models.items())
            ready = [key.fileobj for key, _ in waiting.select()]
            if sys.stdin in ready and not os.read(0, 4096):
                waiting.unregister(sys.stdin)
            elif sys.stdin in ready and (NAMES[0] in models or not holder.kept()):
                models[NAMES[0]] = bytearray(SIZE), time.time()
            for request in holder.requests():
                if isinstance(request, Give):  # the others are returned claims, which `kept` does not count
                    give(request, models)
    finally:
        holder.close()


def give(request: Give, models: dict[str, tuple[bytearray, float]]) -> None:
    """Unloads the models that have been idle longest, until there is enough memory."""
    given = 0
    for name in sorted(models, key=lambda name: models[name][1]):
        if not request.card and given < request.bytes:
            del models[name]
            given += SIZE
    request.answer(given, why="" if given >= request.bytes else "It has no more of that memory.")


if __name__ == "__main__":
    main()
