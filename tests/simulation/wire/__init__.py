"""A simulated ZeroMQ: `network.Network(kernel).modules()` stands in for pyzmq, for all processes of a simulated world.

It is libzmq's mechanism on real Unix sockets, with its threads as tasks: ZMTP's bytes go through the kernel, so that
all that programs ask of a descriptor (its inode, its queues, its end) is true, and libzmq's threads take their turns at
moments that the seed draws, also between two calls of a program.
"""
