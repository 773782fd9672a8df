"""Other AI servers of this machine: lists the models that they hold, and asks them to unload some.

The supervisor runs `hushd neighbours give` where `[memory] when_short` says so: `ask` speaks with all servers at once,
`choice` picks the models, `kinds` knows the requests for each kind of server, `server` limits every call, and
`processes` reads the kernel's and the drivers' data about a server on this machine.
"""
