"""Serves HTTP and WebSockets by uvicorn's protocol classes, which no other package knows.

uvicorn documents `Config` and `Server`, which listens itself. Here the supervisor listens, so that no gateway runs
without connections; a connection arrives with the bytes already read, and is bounded in time and memory. uvicorn has no
public way for that, so `H11Protocol`, `WSProtocol` and `ServerState` are inherited. hushd's extra `http` admits the
releases that the tests have seen. `tests/gateway/test_uvicorn_internals.py` names each attribute that is used, says
that the installed release has it, and that no other is used: begin there for another release.

| class                 | what is changed                                                                             |
|-----------------------|---------------------------------------------------------------------------------------------|
| `H11Protocol`         | first bytes from elsewhere; a bound for the head in time, size and number of headers; a     |
|                       | request with two ends is refused; what was asked is forgotten once it is answered           |
| `WSProtocol`          | a piece of what arrives at a time; messages kept as bytes, bounded alone and together; an   |
|                       | end with a code and a reason that the program can still read                                |
| both                  | broken off when a program does not read                                                     |
| `ServerState`         | a future for the end of each connection                                                     |
"""
