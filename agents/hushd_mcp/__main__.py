"""The process that serves MCP: `python -m hushd_mcp LISTENER PATH`, as `meeting` starts it for pipes; with `--channel`,
as the supervisor's door does for the gateway."""

import gc
import os
import sys
from importlib import import_module

from hushd_protocol.system.own_modules import guard


def main() -> int:
    """Imports the SDK and serves."""
    if sys.argv[-1] == "--detached":  # nobody's child, so that it outlives a host that ends all of its own
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
    gc.disable()  # the SDK makes 100,000 permanent objects: walking them took a sixth of the start
    guard()
    serving = import_module("hushd_mcp.serving")
    gc.freeze()
    gc.enable()
    return int(serving.main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(main())
