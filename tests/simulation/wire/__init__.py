"""A simulated ZeroMQ: `network.Network(kernel).module()` stands in for pyzmq, for all processes of a simulated world.

It is libzmq's mechanism on real Unix sockets. ZMTP's bytes go through the kernel, so that all that a program may ask of
a descriptor is true: its inode, its queues, its end, and even its place in an epoll. Only libzmq's threads are not
real: each is a mailbox that is worked off when the seed says so, and between two calls of a program too (`preempt`).

What is promised is what libzmq promises, and no more; `conformance` plays 200 scripts on both, and 0 of them differ.

Promised                                            Where
--------------------------------------------------  ------------------------------------------------------------------
Messages are whole, and in order per connection.    `pipe`: a message is passed on with its last frame.
A ROUTER numbers connections upwards from a number  `patterns.Router`: when the program's thread learns of them. A name
that libc's generator draws.                        that is taken stays out; a number that is taken ends the process.
EHOSTUNREACH for who is gone, where it is           ... once the program's thread knows. Before that a message to them
mandatory; EAGAIN for who does not read.            vanishes: the end is reported, then their pipe is told, then read.
At most SNDHWM messages wait here, RCVHWM there.    `pipe`: the writer hears of reading after half a queue. Between
                                                    both are the kernel's buffer and a batch of 8 KiB at either end.
A message of each connection is read in turn.       `queues`, swap by swap as libzmq does.
The monitor tells of a connection before its first  `core.event`: in the I/O thread, before the pipe is flushed. A full
message is there, and of its end before a later     queue of the monitor stops the I/O thread.
one with the same descriptor begins.
What a peer has sent is read although it has gone.  `engine`: reading goes on to the end of the kernel's queue ...
... but for what was beyond RCVHWM by then:         ... unless nobody reads: a connection that hangs up then is
                                                    forgotten, with all that the kernel still has of it.
... and for RECONNECT_IVL of -1, which drops what   `core.drop`. With any other interval, a day too, the pipe outlives
was not read.                                       the connection, and messages wait in it for the next one.
MAXMSGSIZE ends the connection, not the peer.       `codec`: a frame's size on the wire.
LINGER: what was sent is passed to the kernel.      `session.end`: after that, until the time is over, and no more.
A handshake has HANDSHAKE_IVL; an idle connection   `engine`.
HEARTBEAT_IVL, _TIMEOUT and _TTL.

Left open, and so not compared: how many messages fit between two full queues, which depends on the sizes of libzmq's
writes; which of the messages under way are lost with a connection that ends in that moment; the order of events, and
of messages, of different connections at one time; how often somebody tries to connect again; and which side notices
first that mechanisms differ. In a simulation each of these is drawn.

Not simulated: other types of sockets, PLAIN, CURVE and GSSAPI, IMMEDIATE, CONFLATE, several I/O threads, and TCP.
"""
