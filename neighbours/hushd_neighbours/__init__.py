"""Other AI servers of this machine: lists the models that they hold, and asks them to unload one.

The supervisor runs `python -m hushd_neighbours` when a start lacks memory, and calls no server itself: `child` talks to
it over pipes, `kinds` knows the requests for each kind of server, `server` limits every call, and `processes` reads the
kernel's and the drivers' data about a server on this machine. The command `hushd neighbours` shows the same models.
"""
