"""The process for the calls of all sessions, as `meeting` starts it: `python -m hushd_mcp LISTENER PLACE`."""

import gc
import sys


def main() -> int:
    """Imports the SDK and serves."""
    gc.disable()  # the SDK makes 100,000 permanent objects: walking them took a sixth of the start
    from hushd_protocol.system.own_modules import guard

    guard()
    from hushd_mcp import sessions

    gc.freeze()
    gc.enable()
    return sessions.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
