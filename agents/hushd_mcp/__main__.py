"""The process for the calls of all sessions, as `meeting` starts it: `python -m hushd_mcp LISTENER PLACE`; or, with
`--channel`, that for agents over HTTP, as the supervisor's door does."""

import gc
import sys
from importlib import import_module

from hushd_protocol.system.own_modules import guard


def main() -> int:
    """Imports the SDK and serves."""
    gc.disable()  # the SDK makes 100,000 permanent objects: walking them took a sixth of the start
    guard()
    served = import_module("hushd_mcp.over_http" if sys.argv[1:2] == ["--channel"] else "hushd_mcp.sessions")
    gc.freeze()
    gc.enable()
    return int(served.main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
