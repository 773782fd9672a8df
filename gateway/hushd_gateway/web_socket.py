"""HTTP connections that have become WebSockets."""

from __future__ import annotations

from typing import Any

import uvicorn
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from .connections import Patient, State


class WebSocket(Patient, WSProtocol):
    """A connection after its upgrade."""

    def __init__(self, config: uvicorn.Config, server_state: State, **options: Any) -> None:
        super().__init__(config, server_state, **options)
        self.server_state: State = server_state

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.server_state.end(self.transport).set_result(None)
