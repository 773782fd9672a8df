"""Connections that check their own frames, and write into the history of the storm what they send and receive."""

from __future__ import annotations

import threading
import time
from collections import Counter
from itertools import count
from typing import Any

from hushd.transport.connection import Connection
from hushd_protocol.errors import HushdError
from hushd_protocol.messages import (
    Accepted,
    Cancel,
    Chunk,
    Claim,
    Control,
    Credit,
    Error,
    Message,
    Partial,
    Progress,
    Request,
    Result,
    Turn,
    Yield,
)

from .ledger import GIVEN_UP, SETTLE_S, Ledger
from .vitals import Patience, Silence

_OPS = {"status": "status", "unload": "unload", "pause": "pause", "resume": "resume", "stop": "stop"}
_numbers = count(1)


def watched(ledger: Ledger) -> type[Connection]:
    """Connections on which each request has one end, and nothing after it."""

    class WatchedConnection(Connection):
        """`close` waits for the ends that are still to come; `vanish` does not."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            self._open: Counter[bytes] = Counter()  # the I/O thread's
            self._awaited = 0
            self._names: dict[bytes, str] = {}  # in the history, of the requests under way
            self._claims: set[bytes] = set()
            self.party = f"{threading.current_thread().name}/{next(_numbers)}"
            self._see = ledger.witness.recorder(self.party)
            super().__init__(*arguments, **options)

        def close(self) -> None:
            patience = Patience(SETTLE_S, ledger.witness.vitals)
            while self._awaited and self._lost is None and not self._closing and patience.left() > 0:
                time.sleep(0.05)
            if self._awaited and self._lost is None and not self._closing:
                text = f"{self._awaited} requests had no end within {SETTLE_S:.0f} s"
                ledger.no_end(self._awaited, text)
            super().close()

        def vanish(self) -> None:
            super().close()

        # --- the I/O thread ------------------------------------------------------------------------------------------

        def _serve(self, *sockets: Any) -> HushdError:
            threading.current_thread().name = f"{self.party} (I/O)"
            reason = super()._serve(*sockets)
            if GIVEN_UP in reason.message and self._silence.was_starved():
                reason.detail = {"starved": True}
            return reason

        def _is_given_up(self, silent: int) -> bool:
            if silent == 1:
                self._silence = Silence(ledger.witness.vitals)
            return super()._is_given_up(silent)

        def _send(self, socket: Any, message: Message) -> None:
            match message:
                case Request() | Control() | Claim():
                    self._begin(message)
                case Cancel(id=name) if name in self._names:
                    self._see.saw("cancelled", self._names[name])
                case Yield(id=name, keep=keep) if name in self._claims:
                    self._see.saw("released", name.hex(), keep=keep)
            super()._send(socket, message)

        def _begin(self, message: Request | Control | Claim) -> None:
            if not isinstance(message, Claim):
                self._open[message.id] += 1
                self._awaited += 1
                # A request may be made again under its id once it has failed: another request, for the history.
                self._names[message.id] = f"{self.party}:{message.id.hex()[:12]}.{next(_numbers)}"
            match message:
                case Claim():
                    self._names[message.id] = message.id.hex()
                    self._claims.add(message.id)
                    more = {"devices": message.devices, "priority": message.priority}
                    self._see.invoke(message.id.hex(), "claim", **more)
                case Control():
                    names = {"workers": message.names} if message.action == "unload" else {"names": message.names}
                    op = _OPS.get(message.action, "other")
                    self._see.invoke(self._names[message.id], op, action=message.action, **names)
                case Request():
                    lease = {"worker": message.worker, "holder": self._hello.holder, "keep_alive": message.keep_alive}
                    self._see.invoke(self._names[message.id], "other", what=message.op, **lease)

        def _take(self, socket: Any, message: Message) -> None:
            if isinstance(message, Result | Error | Accepted | Chunk | Partial | Progress | Credit) and message.id:
                claim = message.id in self._claims
                if not claim and self._open[message.id] <= 0:
                    ledger.duplicate(f"after the end of its request: {message!r:.200}")
                elif isinstance(message, Result | Error):
                    self._end(message, claim)
            elif isinstance(message, Turn) and message.id in self._names:
                assert self.supervisor is not None
                self._see.saw(message.state, message.id.hex(), epoch=self.supervisor.pid)
            super()._take(socket, message)

        def _end(self, message: Result | Error, claim: bool) -> None:
            if not claim:
                self._open[message.id] -= 1
                self._awaited -= 1
            request = self._names.pop(message.id, None)
            if request is None:
                return
            if isinstance(message, Error):
                self._see.fail(request, message.code)
            elif isinstance(workers := message.data.get("workers"), list):
                for row in workers:
                    if row["holders"]:
                        self._see.saw(
                            "worker", request, worker=row["name"], pid=row["pid"], leases=row["holders"]
                        )  # fmt: skip
                self._see.ok(request, workers=[row["name"] for row in workers])
            else:
                self._see.ok(request)

        def _give_up(self, reason: HushdError) -> None:
            for name, request in self._names.items():
                if name in self._claims:
                    self._see.saw("lost", request)
                self._see.unknown(request, why=reason.code)
            self._names.clear()
            self._see.saw("closed")
            super()._give_up(reason)

    return WatchedConnection
