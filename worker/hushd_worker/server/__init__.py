"""Speech servers on demand: a worker that is the parent of any program that serves speech.

`process` starts the server and believes nothing of what it says of itself: it is ready once it has answered a real
request, and the listener of its port is looked up. Between worker and server is `guard`, a small process that ends all
that the server has started, whoever dies first. `exchange` asks over HTTP, `wyoming` in that protocol; both keep within
the bounds of a request, and wait in short steps, in which a cancel is noticed.
"""
