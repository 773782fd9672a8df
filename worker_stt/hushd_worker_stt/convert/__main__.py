"""`python -m hushd_worker_stt.convert FILE.pt FOLDER`: makes a faster-whisper model of a Whisper checkpoint."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hushd_protocol.errors import HushdError

from .whisper import QUANTIZATIONS, convert


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hushd_worker_stt.convert", description=__doc__)
    parser.add_argument("source", metavar="FILE.pt", type=Path, help="a checkpoint in OpenAI's format")
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="is made; hushd looks in models/faster-whisper")
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="float16", help="default: %(default)s")
    arguments = parser.parse_args()
    try:
        convert(arguments.source, arguments.folder, arguments.quantization)
    except HushdError as error:
        print(f"convert: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
