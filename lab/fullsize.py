"""Makes models with the architecture and size of published ones, and random weights.

They load, use memory and compute like the real ones, without a download, but do not recognise or make speech. The same
model always has the same bytes.

  scripts/fullsize list
  scripts/fullsize make onnx-asr/nemo-parakeet-tdt-0.6b-v3 whisper/turbo ~/full
  HUSHD_MODELS_DIR=~/full hushd …
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # some are made with what tests have

from full_size.catalogue import MODELS, find
from full_size.making import CannotMake, check_room, make


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/fullsize", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the models and their sizes")
    maker = commands.add_parser("make", help="write models into a models folder, as HUSHD_MODELS_DIR names one")
    maker.add_argument("models", nargs="+", metavar="ENGINE/NAME")
    maker.add_argument("folder", metavar="DIR", type=Path)
    maker.add_argument(
        "--scale", type=int, default=1, metavar="N", help="for tests: N times fewer layers, of an Nth of the width"
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves nothing behind then, either
    if options.command == "list":
        for name, model in MODELS.items():
            print(f"{name:40}{sum(part.size for part in model.parts(1)) / 1e9:6.2f} GB")
        return 0
    try:
        chosen = [find(name) for name in options.models]
        needed = sum(part.size + part.scratch for model in chosen for part in model.parts(options.scale))
        check_room(options.folder, needed)
        for model in chosen:
            size = make(options.folder / model.place, model.parts(options.scale), model.flat)
            print(f"{model.name}: {size / 1e6:.0f} MB")
    except CannotMake as error:
        print(f"scripts/fullsize: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
