"""The words exchanged by the supervisor and a template, which has imported an engine's libraries and forks workers.

A template answers each start with the worker's pid, or with REFUSED and the reason, and then ends.
"""

VARIABLE = "HUSHD_TEMPLATE"  # has the descriptor of the socket between them
READY, REFUSED = b"ready", b"refused "  # the template's first message; the reason follows REFUSED
GO, STAY = b"go", b"stay"  # the answer to a worker's pid: it may begin, or is no longer wanted
