"""hushd on many machines: engines as deployments of Ray Serve, corpora spread by Ray's tasks (docs/CLUSTER.md).

Ray's processes on a node are clients of that node's supervisor. So memory budgets, queues, live sessions before files,
and the end of idle workers are the supervisor's there as everywhere; Ray decides which node serves a request.
"""

from __future__ import annotations

import os

# `ray start` asks for a token wherever this user has one, and a driver gives it only if it is told to before Ray is
# imported. A cluster that asks for none takes no offence.
if "RAY_AUTH_MODE" not in os.environ and os.path.exists(os.path.expanduser("~/.ray/auth_token")):
    os.environ["RAY_AUTH_MODE"] = "token"
