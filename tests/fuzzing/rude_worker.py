"""A worker that the supervisor starts and that then sends anything: `rude_worker.py FOLDER --engine X --model Y`.

It counts its messages in FOLDER/sent-PID, and leaves after some, in one of several ways.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))

import zmq
from fuzzing import wire
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.limits import PROTOCOL

MOST = 2000  # messages of one life


def main() -> None:
    rng = Random(os.getpid())
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.connect(os.environ["HUSHD_WORKER_SOCKET"])
    token = os.environ["HUSHD_WORKER_TOKEN"]
    socket.send_multipart(pack(m.WorkerHello(token=token, protocol=PROTOCOL, version="fuzz", pid=os.getpid())))
    if rng.random() < 0.9:
        socket.send_multipart(pack(m.Ready(slots=rng.choice((1, 3)), sessions=rng.choice((0, 1)))))
    count = os.open(Path(sys.argv[1], f"sent-{os.getpid()}"), os.O_WRONLY | os.O_CREAT)
    ids, decoder = [*wire.IDS[:2]], Decoder(m.TO_WORKER)
    harm = rng.choice((0.0, 0.0, 0.0, 0.005))  # one message that cannot be read is the last: it is killed for it
    kinds = [kind for kind in m.FROM_WORKER if kind not in (m.LoadFailed, m.Bye, m.WorkerHello) or rng.random() < 0.1]
    for number in range(rng.choice((10, 300, MOST))):
        socket.poll(100 if number % 50 == 49 else 0)
        with suppress(zmq.Again):
            while True:
                message = unpack(socket.recv_multipart(zmq.NOBLOCK), decoder)
                if isinstance(message, m.Job):
                    ids = [*ids[-3:], message.id]
        said = wire.message(rng, kinds)
        if hasattr(said, "id"):
            said = wire.message(rng, [type(said)], id=rng.choice(ids))
        socket.send_multipart(wire.frames(rng, said, harm=harm))
        os.pwrite(count, b"%d" % (number + 1), 0)
    context.destroy(linger=200)
    os._exit(rng.choice((0, 0, 0, 0, 0, 1, 70)))  # too many crashes, and it rests


if __name__ == "__main__":
    main()
