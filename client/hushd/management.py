"""What can be asked of the supervisor besides speech: the floor, the workers, the models."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hushd_protocol.messages import Control, Request

from .transport import model_requests, requests
from .transport.call import new_id
from .transport.connector import Connector
from .transport.keep_alive import parse
from .transport.requests import KeepAlive
from .transport.retry import in_contact

if TYPE_CHECKING:
    from .transport.floor import Floor


class Management(Connector):
    """Looks after devices, workers and models; a part of `hushd.Client`. Every method raises `HushdError`."""

    # --- the floor ---------------------------------------------------------------------------------------------------

    def floor(self, *devices: str, priority: str = "text", on_wait: Callable[[str], None] | None = None) -> Floor:
        """The right to use the `speaker`, the `microphone` or both, so that programs do not talk over each other.

            with client.floor("microphone") as floor, Microphone() as microphone:
                print(client.listen(floor.while_held(microphone)).transcript())

        `hushd.Player` enters it by itself, for as long as there is something to hear.

        Args:
            on_wait: called with `waiting` or `paused` when it cannot be had at once.

        Raises:
            HushdError: from entering the block: `cancelled` when it was stopped, or replaced by something newer.
        """
        requests.check_priority(priority)
        from .transport.floor import Floor  # for those who have a loudspeaker or a microphone

        return Floor(self._connect, devices, priority, on_wait)

    def stop_speaking(self, *who: str, current: bool = False) -> list[int]:
        """Silence: ends what is spoken and what waits to be; returns the numbers of those turns.

        Args:
            who: numbers of turns, clients as in `status`, or `self`; nobody named means everybody.
            current: ends only what is spoken now; the next goes on.
        """
        return list(self._control("stop" if current else "cancel", *who).get("turns", []))

    def pause(self, *who: str) -> list[int]:
        """Silence until `resume`: nothing is lost. Without names, what others are yet to say is paused too."""
        return list(self._control("pause", *who).get("turns", []))

    def resume(self, *who: str) -> list[int]:
        """Goes on where `pause` interrupted."""
        return list(self._control("resume", *who).get("turns", []))

    # --- workers -----------------------------------------------------------------------------------------------------

    def preload(self, *workers: str, keep_alive: KeepAlive = None, wait: bool = True) -> None:
        """Starts workers (`stt`, `tts/hibari`, `stt/moonshine/tiny-en`), all at once; returns when they are ready.

        With `wait=False` it returns when they have been asked for: a worker that is started is started for everybody.
        """
        lease = None if keep_alive is None else parse(keep_alive)
        requests = [Request(id=new_id(), worker=name, op="warm", input="none", keep_alive=lease) for name in workers]
        if not wait:
            in_contact(self._connect, lambda connection: [connection.start(request) for request in requests])
            return
        for exchange in [self._exchange(request, None) for request in requests]:
            deque(exchange, maxlen=0)

    def unload(self, *workers: str) -> list[str]:
        """Ends workers, all of them when none is named; returns the names of those that were, once they are gone."""
        return list(self._control("unload", *workers).get("unloaded", []))

    def status(self) -> dict[str, Any]:
        """What `hushd status --json` prints: the supervisor, its workers, memory."""
        return self._control("status")

    def reload(self) -> None:
        """Has the supervisor read its configuration again; requests under way go on.

        Raises:
            HushdError: `bad_request` for what is wrong in it, and nothing has changed.
        """
        self._control("reload")

    def describe(self, *roles: str) -> dict[str, Any]:
        """What engines, models and voices there are, by role (`stt`, `tts`)."""
        return self._control("describe", *roles)

    def shutdown(self, timeout: float = 10.0) -> bool:
        """Tells the supervisor to finish what is running and leave; whether it had left after `timeout` seconds."""
        connection = self._connect()
        connection.start(Control(id=new_id(), action="shutdown")).result()
        return connection.wait_lost(timeout)

    def restart(self, timeout: float | None = None) -> bool:
        """Has the supervisor finish what is running and make way for a new one, which serves who asks from now on.

        Returns whether it had left after `timeout` seconds. The next request starts the new one, or a service manager.
        """
        connection = self._connect()
        connection.start(Control(id=new_id(), action="restart")).result()
        return connection.wait_lost(timeout)

    # --- models ------------------------------------------------------------------------------------------------------

    def pull(
        self, model: str, *, update: bool = False, on_progress: model_requests.OnProgress | None = None
    ) -> dict[str, Any]:
        """Downloads `ENGINE/NAME`, or checks it where it is here already; returns its `model`, `size` and `location`.

        Who pulls what is being pulled joins. What has arrived when it breaks off is kept for the next time.

        Args:
            update: its source is asked for a newer one also where it is here; what is returned has also `changed`,
                whether its files are others now.
            on_progress: called with what is being done, the bytes that have come, and all of them or 0.
        """
        return model_requests.pull(self._connect, model, update, on_progress)

    def import_model(
        self,
        path: str | os.PathLike[str],
        name: str,
        *,
        engine: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> dict[str, Any]:
        """Copies a model's file or folder into hushd's models folder, as `ENGINE/name`; returns what `pull` does.

        Args:
            engine: for which it is; None: its content tells.
        """
        params = {"path": os.path.abspath(path), "name": name, "engine": engine or ""}
        return model_requests.ask(self._connect, "import", params, on_progress)

    def quantize(
        self,
        model: str,
        to: str = "int8",
        *,
        name: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> dict[str, Any]:
        """Makes a smaller model of one that is here, unless it has been made already; returns what `pull` does.

        Args:
            to: `int8`, or for Whisper's checkpoints another of CTranslate2's formats.
            name: what it is to be called; default: as `model` if the engine is another one, else `NAME-int8`.
        """
        return model_requests.ask(
            self._connect, "quantize", {"model": model, "to": to, "name": name or ""}, on_progress
        )
