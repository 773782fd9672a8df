"""Proves hushd's claims about graphics cards on a machine with a CUDA card, in at most six minutes.

Weights are drawn at random, of the size of Whisper's large-v3. `--stand-in` shows with a card that is a file what can
be shown that way; `--rehearse` runs the rest on the CPU with small weights, which tries this script and proves nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from benches.cards import memory, sharing, speed
from benches.cards.stage import NotDone, Stage, put_stand_in
from benches.stage import Row, show
from hushd_protocol.errors import HushdError, reason
from hushd_worker import card

LIMIT_S = 360.0
PACKAGES = {"torch": "torch", "whisper": "openai-whisper", "faster_whisper": "faster-whisper"}
Part = Callable[[Stage], Iterator[Row]]

# Each with the seconds that it takes at most on an H100-class card: without so much time left it is not begun.
PARTS: tuple[tuple[str, Part, float], ...] = (
    ("VRAM after a worker's exit", memory.given_back, 30),
    ("suspended, and back", memory.suspended, 60),
    ("VRAM after an unload inside a process", memory.inside_a_process, 60),
    ("cold, request to first text", speed.cold, 60),
    ("an hour in batches", speed.hour, 120),
    ("64 live sessions beside a batch job", speed.live, 40),
    ("a stranger takes 80 %", sharing.stranger, 90),
    ("100 requests, 2 models in turn", sharing.alternating, 150),
    ("batches on the CPU", speed.on_the_cpu, 60),
)
ON_STAND_IN = (memory.given_back, sharing.alternating, sharing.stranger)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stand-in", action="store_true", help="a file in the place of a card: budgets, changes, returns")
    how.add_argument("--rehearse", action="store_true", help="small weights on the CPU: tries this script only")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    ends = time.monotonic() + LIMIT_S
    with tempfile.TemporaryDirectory(prefix="hushd-") as folder:
        try:
            stage = _stage(Path(folder), options)
        except NotDone as error:
            print(f"Nothing was measured: {error}.")
            return 1
        print(f"{'case':46}{'value':>9} {'unit':6}{'goal':>14}{'floor':>9}{'ratio':>8}", flush=True)
        rows = [row for part in PARTS for row in _run(*part, stage, ends)]
    took = time.monotonic() - ends + LIMIT_S
    print(f"{sum(row.value is None for row in rows)} of these were not measured; all took {took:.0f} s.")
    return any(row.ok is False for row in rows)


def _stage(folder: Path, options: argparse.Namespace) -> Stage:
    """Draws the models, and finds the card.

    Raises:
        NotDone: there is none, or a package is missing.
    """
    if options.stand_in:
        return Stage(folder, stand_in=put_stand_in(folder))
    missing = [name for package, name in PACKAGES.items() if find_spec(package) is None]
    if missing:
        raise NotDone(f"install {' '.join(missing)} first")
    stage = Stage(folder, "cpu", ("tiny", "tiny")) if options.rehearse else Stage(folder)
    if not options.rehearse:
        _check_card()
    from full_size import making, whisper
    from hushd_worker_stt.convert.whisper import convert

    for name, size in zip(("large", "small"), stage.sizes, strict=True):
        making.make(folder / "whisper", whisper.openai(1, size, name), flat=True)
        checkpoint = folder / "whisper" / f"{name}.pt"
        convert(checkpoint, folder / "faster-whisper" / name, "float16" if stage.device == "cuda" else "int8")
    (folder / "faster-whisper" / "other").symlink_to(folder / "faster-whisper" / "small")
    return stage


def _check_card() -> None:
    seen = card.look()
    if not seen["cards"]:
        raise NotDone(str(seen["error"]) or "this machine has no CUDA card (try --stand-in)")
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        raise NotDone("CTranslate2 finds no CUDA card here, though there is one: see its requirements")


def _run(case: str, part: Part, seconds: float, stage: Stage, ends: float) -> Iterator[Row]:
    try:
        if stage.stand_in and part not in ON_STAND_IN:
            raise NotDone("a card that is a file computes nothing")
        if time.monotonic() + seconds > ends:
            raise NotDone(f"it takes {seconds:.0f} s, and the six minutes are over before")
        for row in part(stage):
            show(row)
            yield row
    except (NotDone, HushdError, OSError, RuntimeError, AssertionError) as error:
        row = Row(case, None, "", note=f"not done: {error if isinstance(error, NotDone) else reason(error)}")
        show(row)
        yield row


if __name__ == "__main__":
    sys.exit(main())
