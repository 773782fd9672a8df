"""Sizes, numbers and words on which both ends of the wire agree; sizes are in bytes unless the name says otherwise."""

PROTOCOL = 1  # the version of the protocol
MAGIC = b"HSH1"

MAX_HEADER = 64 * 1024
MAX_PAYLOAD = 64 * 1024
# No legal frame is larger. libzmq disconnects a peer that sends more, without an answer, so only frames between
# MAX_HEADER or MAX_PAYLOAD and this limit can be answered by `too_large`.
MAX_WIRE = 128 * 1024

MAX_CONNECTIONS = 4096  # clients at once, or a third of the supervisor's limit of open files
HIGH_WATER = 1000  # messages; credit limits memory, and this limits a peer that ignores credit
CREDIT_WINDOW = 8  # chunks under way in one direction of one request
MAX_CREDIT = 256  # chunks a peer may grant at once: 16 MiB of 64 KiB payloads

ID_BYTES = 16
MAX_DEPTH = 32  # levels of lists and maps in one field
MAX_ARGUMENTS = 64  # names in one control message
MAX_HOLDER = 256  # bytes of the name of a holder or a program: `status` shows it, and leases keep a holder's
SOCKET_PATH = 107  # bytes in sockaddr_un.sun_path without its NUL on Linux; 103 on macOS

PRIORITIES = ("important", "message", "text", "notification", "progress")

EXIT_BUG = 70  # exit code of any hushd program: EX_SOFTWARE
EXIT_NO_MEMORY = 73  # exit code of a worker: a job needs more memory than there is, even in its shortest pieces
EXIT_CARD_FAILED = 75  # exit code of a worker: EX_TEMPFAIL, its graphics card has stopped computing in this process
UNKNOWN_WORKER = 400_000_000  # memory of a worker that never ran and names no size
# Bounds of histograms of requests' times, in seconds.
BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
