"""A request and its answer on their way between a verb and the supervisor, by seven bodies:

* `steps.verb` makes a procedure, written once, a method of `Client`, which blocks, and of `AsyncClient`, to be awaited;
* `retry.RetryingCall` sends the request, and sends it again where its `Attempts` say that this helps;
* `link.Link` brings the connection, a new one if need be, and has `autostart` start a supervisor where none runs;
* `connection.Connection` owns the socket: its one thread sends messages, and hands each answer to its call;
* `call.Call` is one attempt: it sends the input as the worker grants credit, and grants credit for the answer;
* `source.Input` is what is sent, by its path or its bytes, and knows whether it can be sent again;
* `spool.Spool` keeps the messages that have come until the caller takes them.

Beside the way lie `second_hearing`, by which a transcription may move to another model, and `waiting`, by which a main
thread waits so that Ctrl-C ends it.
"""
