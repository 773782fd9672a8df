# The defences against libzmq, and their theory. A comment, not a docstring: it costs the supervisor's memory nothing.
#
# libzmq carries all messages between processes. It is fast, it queues and frames, and its own thread reads and writes
# for us. It was made for programs that trust each other: on an error it aborts the process by an assertion, or takes
# ever more memory. Here any program of the user may connect, even a buggy one, and one process serves them all. So each
# row below is a way in which one peer could end or block the supervisor, and each has a module.
# `tests/supervisor/system/libzmq/` has an attack for each; `test_facts.py` there checks with libzmq itself every fact
# that the defences rely on; `test_newest.py` runs the folder with the newest pyzmq.
#
# What libzmq does                          What a peer can make of it         What we do
# ----------------------------------------  ---------------------------------  ----------------------------------------
# It accepts every connection on its own    Connect until the open files run   `connection_limit`: the monitor counts
# thread, and aborts when `accept` finds    out: the supervisor is gone, with  connections; at the ceiling `latch` takes
# no descriptor.                            every worker.                      the listening socket from libzmq's epoll,
#                                                                              and we accept, say why, and hang up.
# It names a connection by a number, one    Come under the number that is      `numbers`: seeds libc's generator, and
# after the other, whose first is drawn     next: libzmq aborts, before any    checks that it decides the first one.
# by `rand`, alike in every process.        code of ours sees the name.
# A peer may choose its own name            Take another's name, or one that   `numbers.is_number`: a name that libzmq
# (ZMQ_ROUTING_ID).                         looks like a number.               cannot have given is refused.
# It gathers the frames of a message until  Send a message without an end:     `traffic`: bytes arrive but no message;
# the last one, and reports none before.    the memory of the machine.         `bounds` ends the connection.
# It queues messages for a slow peer, up    Ask for much and read nothing.     SNDHWM (`routers`), and `traffic`: the
# to SNDHWM of any size.                                                       peer with most unread bytes goes first.
# A full queue of the monitor stops its     Connect and leave very often.      The monitor has no limit (`set_hwm(0)`),
# I/O thread.                                                                  and is read in every turn.
# It frees a connection's memory to the     1000 clients that come and go:     `heap`: trims after they have left, when
# allocator, which keeps it.                60 MB instead of 23 from then on.  no client waits.
# A message of any size is taken.           One message of gigabytes.          MAXMSGSIZE: libzmq ends the connection.
# A closed socket drops unsent messages,    -                                  LINGER of a second, and only at our end:
# or waits without limit.                                                      no peer delays anything before.
# It unlinks the path that it has bound.    A second supervisor at that path   We bind, and libzmq gets the descriptor
#                                           loses its socket.                  (USE_FD, see `sockets/lock`).
# It forgets a connection that hangs up     Under the name of another peer,    None: its descriptor stays open, and
# while it is not read, and never reads     send more than RCVHWM messages     counts, until the socket is closed.
# one with another peer's name.             and hang up.
# It takes one message of each connection   (helps us)                         `sockets/client_socket` takes at most 64
# in turn.                                                                     messages, or 5 ms of them, a turn.
#
# libzmq's monitor identifies a connection by its descriptor, which is reused at once. `traffic` therefore remembers the
# inode, and `sockets/client_socket` says why the old and the new owner of a descriptor cannot be confused.
#
# Workers and clients trust their supervisor and need no defences: they set MAXMSGSIZE and the queues' lengths as here
# (`hushd_protocol.limits`), and read the monitor only to learn that the supervisor is gone.
