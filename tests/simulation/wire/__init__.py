"""A simulated ZeroMQ: `network.Network(machine).module()` stands in for pyzmq, for all processes of a simulated world.

Connections are real Unix sockets, so that backlogs, full buffers and ends are the kernel's. libzmq's threads are not
real: each is a mailbox that is worked off when the seed says so, and between two calls of a program too (`preempt`).

Promised                                            Where
--------------------------------------------------  ------------------------------------------------------------------
Messages are whole, and in order per connection.    `messages`: each has the lengths of its frames before it.
A ROUTER numbers connections upwards from a number  `sockets`: when the program's thread learns of them.
that the seed draws.
EHOSTUNREACH for who is gone, where it is           ... once the program's thread knows. Before that a message to them
mandatory; EAGAIN for who does not read.            vanishes.
At most SNDHWM messages wait here, RCVHWM there.    `connection`: reading goes on after half a queue. Between both are
                                                    the kernel's buffer and a batch of 8 KiB.
A message of each connection is read in turn.       `sockets`.
The monitor tells of a connection before its first  `connection`: in the I/O thread.
message is there, and of its end before a later
one with the same descriptor begins.
What a peer has sent is read although it has gone   ... but for what was beyond RCVHWM by then.
LINGER: what was sent is passed to the kernel.      `connection`: after that, until the time is over, and no more.

Not simulated: whatever hushd's parts do not use, and what a program can do to ZMTP's bytes.
"""
