"""The words between the supervisor and a template, which has an engine's libraries imported and forks workers.

Each start is answered with the worker's pid, or with REFUSED and the reason by a template that ends.
"""

VARIABLE = "HUSHD_TEMPLATE"  # names the descriptor of the socket between them
READY, REFUSED = b"ready", b"refused "  # the template's first message; what follows REFUSED is the reason
GO, STAY = b"go", b"stay"  # the answer to a worker's pid: it may begin, or nobody waits for it any more
