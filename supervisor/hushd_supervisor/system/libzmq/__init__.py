# The defences against libzmq, and their theory. A comment, not a docstring: it costs the supervisor's memory nothing.
#
# libzmq carries all messages between processes. It is fast, it queues and frames, and one thread of its own reads and
# writes for us. It was made for programs that trust each other: where something is wrong it aborts the process by an
# assertion, or takes memory without an end. Here any program of the user may connect, a buggy one too, and one process
# serves them all. So each thing below is a way in which one peer would end or hold up everybody, and each has a module.
# `tests/supervisor/system/libzmq/` has an attack for each, and `test_facts.py` there asks libzmq itself for every fact
# that is relied upon; `test_newest.py` runs the folder with the newest pyzmq that can be had.
#
# What libzmq does                          What a peer can make of it         What we do
# ----------------------------------------  ---------------------------------  ----------------------------------------
# It accepts on its own thread whatever     Connect until the open files run   `connection_limit`: the monitor counts
# comes, and aborts where `accept` finds    out: the supervisor is gone, with  connections; at the ceiling `latch` takes
# no descriptor.                            every worker.                      the listening socket from libzmq's epoll,
#                                                                              and we accept, say why, and hang up.
# It names a connection by a number, one    Come under the number that is      `numbers`: seeds libc's generator, and
# after the other, whose first is drawn     next: libzmq aborts, and nobody    asks whether that decides the first one.
# by `rand`, alike in every process.        sees the name before that.
# A peer may choose its own name            Take another's name, or one that   `numbers.is_number`: a name that libzmq
# (ZMQ_ROUTING_ID).                         looks like a number.               cannot have given is refused.
# It gathers the frames of a message until  Send a message without an end:     `traffic`: where bytes come
# the last one, and says nothing of them.   the memory of the machine.         and no message does; `bounds` ends that.
# It queues what a peer does not read, to   Ask for much and read nothing.     SNDHWM (`routers`), and `traffic`: who
# SNDHWM messages of any size.                                                 has most unread goes first.
# A full queue of the monitor stops its     Connect and leave very often.      The monitor has no limit (`set_hwm(0)`),
# I/O thread.                                                                  and is read in every turn.
# It frees a connection's memory to the     1000 clients that come and go:     `heap`: trims after they have left, once
# allocator, which keeps it.                60 MB instead of 23, for ever.     nobody waits for it.
# A message of any size is taken.           One message of gigabytes.          MAXMSGSIZE: libzmq ends the connection.
# A socket that is closed drops what was    -                                  LINGER of a second, and only at our end:
# not sent, or waits for ever.                                                 no peer holds up anything before.
# It unlinks the path that it has bound.    A second supervisor at that path   We bind, and libzmq gets the descriptor
#                                           loses its socket.                  (USE_FD, see `sockets/lock`).
# It forgets a connection that hangs up     Under a name that another has, send  None: its descriptor stays open, and
# while nobody reads it, and never reads    more than RCVHWM messages and go.    counts, until the socket is closed.
# one whose name another has.
# It takes one message of each connection   (helps us)                         `sockets/client_socket` takes at most 64
# in turn.                                                                     messages, or 5 ms of them, a turn.
#
# What libzmq's monitor calls a connection is a descriptor, which is reused at once. `traffic` therefore remembers the
# inode, and `sockets/client_socket` says why the old and the new owner of a descriptor cannot be mistaken.
#
# Workers and clients trust their supervisor, and are not defended: they set MAXMSGSIZE and the queues' lengths as here
# (`hushd_protocol.limits`), and read the monitor only to learn that it is gone.
