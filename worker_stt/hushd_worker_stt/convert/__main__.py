"""`python -m hushd_worker_stt.convert FILE.pt FOLDER`: converts a Whisper checkpoint to a model for faster-whisper."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hushd_protocol.errors import HushdError

from . import say
from .whisper import QUANTIZATIONS, convert


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hushd_worker_stt.convert", description=__doc__)
    parser.add_argument("source", metavar="FILE.pt", type=Path, help="a checkpoint in OpenAI's format")
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        type=Path,
        help="the model's folder, which is created; hushd looks in models/faster-whisper",
    )
    parser.add_argument("--quantization", choices=QUANTIZATIONS, default="float16", help="default: %(default)s")
    parser.add_argument("--name", help="the model, such as base.en, if the file has another name")
    parser.add_argument("--progress", action="store_true", help="print progress on standard output, as JSON")
    arguments = parser.parse_args()
    try:
        convert(
            arguments.source,
            arguments.folder,
            arguments.quantization,
            name=arguments.name,
            report=(lambda done, total: say(done=done, total=total)) if arguments.progress else None,
        )
    except HushdError as error:
        if arguments.progress:
            say(error=error.code, message=error.message)
        else:
            print(f"convert: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
