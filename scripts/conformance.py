"""Plays the conformance suite to every engine that is installed here, each with a small model that is made for it.

    scripts/conformance                  all of them, which takes an hour of the processor's time
    scripts/conformance tts/piper -k damage

What follows the engines goes to `python -m hushd_worker.conformance`, see there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

_ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(_ROOT / "tests"), str(_ROOT / "scripts")]

from support import small_models  # noqa: E402


def main(arguments: list[str]) -> int:
    """Returns 1 if an engine has failed a case."""
    names = [word for word in arguments if word in small_models.ENGINES] or list(small_models.ENGINES)
    options = [word for word in arguments if word not in small_models.ENGINES]
    return max(_play(name, options) for name in names)


def _play(name: str, options: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="hushd-conformance-") as folder:
        small = small_models.make(name, Path(folder))
        if small is None:
            print(f"{name} is not installed.", flush=True)
            return 0
        print(f"{name}:", flush=True)
        command = [sys.executable, "-P", "-m", "hushd_worker.conformance", *small.arguments, *options]
        return subprocess.run(command, env={**os.environ, **small.environment}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
