"""The gateway: serves programs that speak OpenAI's audio API or Wyoming, through `hushd.AsyncClient`.

The supervisor listens, and starts this process for the first connection, which inherits the listening sockets, accepts,
and leaves when it has had nothing to do for a while. `http` and `wyoming` know nothing of each other.
"""
