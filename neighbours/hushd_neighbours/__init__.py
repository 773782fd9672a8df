"""Other AI servers of this machine: the models that they hold, and how each is asked to give one up.

The supervisor runs `python -m hushd_neighbours` when a start lacks memory, and calls no server itself: `child` speaks
with it over pipes, `kinds` knows the words of each server, `server` bounds every call, and `processes` looks up what
the kernel and the drivers say of a server on this machine. The command `hushd neighbours` shows the same.
"""
