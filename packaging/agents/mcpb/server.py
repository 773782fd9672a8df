"""`hushd mcp`, as uv starts it from the bundle."""

import sys

from hushd_command import hushd

sys.argv[1:] = ["mcp"]
hushd()
