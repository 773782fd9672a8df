"""`python -m hushd_supervisor [--auto] [--ready-fd N] [run | serve]`.

`hushd serve` replaces itself by this program.
"""

from __future__ import annotations

import signal
import sys
import traceback
from pathlib import Path

from hushd_protocol.errors import HushdError
from hushd_protocol.limits import EXIT_BUG
from hushd_protocol.system.own_modules import guard
from hushd_protocol.system.paths import find

from .arguments import HELP, parse
from .run import complain, run


def main(arguments: list[str]) -> int:
    """Runs the command line; returns 0, or the exit status of the error in `errors.CODES`."""
    try:
        options = parse(arguments)
        if options.help:
            print(HELP, end="")
            return 0
        paths = find()
        run(options, paths)
    except HushdError as error:
        complain(str(error))
        return error.exit_code
    except Exception as error:
        # A bug, or a machine without resources. The workers end with this process, by their lifelines.
        if not sys.stderr.isatty():
            traceback.print_exc()  # standard error is a log
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}:{last.lineno}"
        complain(f"The supervisor failed ({type(error).__name__} at {place}: {error}).")
        return EXIT_BUG
    return 0


def _take_interrupt() -> None:
    """Has Ctrl-C end this process quietly, also one that came while modules were imported; see `Signals` for later."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


if __name__ == "__main__":
    _take_interrupt()
    guard()
    sys.exit(main(sys.argv[1:]))
