"""Requests to the supervisor besides speech: the floor, workers, models."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from .exchange.client_base import Unloaded
from .exchange.speech_base import SpeechBase
from .transport import model_requests, requests
from .transport.requests import KeepAlive
from .transport.steps import run

if TYPE_CHECKING:
    from hushd_schema.description import Descriptions
    from hushd_schema.operations.models import ModelResult
    from hushd_schema.status import Status

    from .transport.floor import Floor
    from .transport.warning import ResultWarning


class Management(SpeechBase):
    """Manages devices, workers and models; the base of `hushd.Client`. Every method raises `HushdError`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection. Requests under way are cancelled; the next one connects again."""
        self.link.close()

    def control(self, action: str, *names: str, **options: Any) -> dict[str, Any]:
        """Sends a control message of docs/PROTOCOL.md; returns the data of its result.

        The methods below are what programs need of them.
        """
        return run(self._controlled(action, *names, **options))

    # --- the floor ---------------------------------------------------------------------------------------------------

    def floor(
        self,
        *devices: str,
        priority: str = "text",
        on_wait: Callable[[str], None] | None = None,
        duck: bool = False,
    ) -> Floor:
        """Returns the right to use `speaker`, `microphone` or both, so that programs do not talk over each other.

            with client.floor("microphone") as floor, Microphone() as microphone:
                print(client.listen(floor.while_held(microphone)).transcript())

        `hushd.Player` enters it by itself, for as long as there is something to hear.

        Args:
            on_wait: called with `waiting` or `paused` when it is not granted at once.
            duck: whether other programs are quieter meanwhile, as the setting `duck` says (docs/DESKTOP.md).

        Raises:
            HushdError: `bad_request` for an error in the configuration, with `duck`; and when the block is entered:
                `cancelled` when it was stopped, or replaced by something newer.
        """
        requests.check_priority(priority)
        from .transport.floor import Floor  # for those who have a loudspeaker or a microphone
        from .transport.link import floor_link

        return Floor(floor_link(self.link), devices, priority, on_wait, self._ducking() if duck else None)

    def stop_speaking(self, *who: str, current: bool = False) -> list[int]:
        """Ends all speech, also speech that still waits; returns the numbers of the turns it ended.

        Args:
            who: numbers of turns, clients as in `status`, or `self`; without any, everybody.
            current: ends only the speech that is heard now; the next one begins.
        """
        return run(self._turned("stop" if current else "cancel", *who))

    def pause(self, *who: str) -> list[int]:
        """Pauses all speech until `resume`; nothing is lost. Without names, speech yet to come is paused too, also by a
        later supervisor of this login."""
        return run(self._turned("pause", *who))

    def resume(self, *who: str) -> list[int]:
        """Resumes where `pause` interrupted."""
        return run(self._turned("resume", *who))

    # --- workers -----------------------------------------------------------------------------------------------------

    def preload(
        self, *workers: str, keep_alive: KeepAlive = None, wait: bool = True, language: str | None = None
    ) -> list[ResultWarning]:
        """Starts workers (`stt`, `tts/hibari`, `stt/moonshine/tiny-en`), all at once; returns when they are ready.

        With `wait=False` it returns once the requests are sent. `stt` alone is the worker that is configured for
        `language`. A worker serves every client once it has started.

        Returns a warning for each that computes on the CPU, and why, where a card was named or configured for it.
        """
        return run(self._preloaded(workers, keep_alive, wait, language))

    def unload(
        self,
        *workers: str,
        force: bool = False,
        keep_away: float | str | None = None,
        hold: bool = False,
        everywhere: bool = False,
    ) -> Unloaded:
        """Ends workers, all of them when none is named; returns the names of those that ran, once they have ended.

        This client's own requests there end at once with `cancelled`. A worker with jobs of other programs ends after
        the last of them. That is not waited for: `busy` of the returned list counts them.

        Args:
            force: also ends the jobs of others; those of which nothing is lost are repeated by themselves.
            keep_away: how long afterwards no worker starts on a graphics card, in seconds or as "10m". Workers on the
                CPU stay, and requests that may use it do. With 0 workers may start there again, and none ends.
            hold: the same until this client is closed, or its process ends.
            everywhere: with these, all workers end, and none starts at all.
        """
        return run(self._ended(workers, force, keep_away, hold, everywhere))

    def status(self) -> Status:
        """Returns the supervisor, its workers and templates, memory, and who speaks or listens."""
        return run(self._status())

    def reload(self) -> None:
        """Makes the supervisor read its configuration again; requests under way go on.

        Raises:
            HushdError: `bad_request` for an error in the configuration; nothing has changed then.
        """
        self.control("reload")

    def describe(self, *roles: str) -> Descriptions:
        """Returns the engines, models and voices, by role (`stt`, `tts`)."""
        return run(self._described(*roles))

    def shutdown(self, timeout: float = 10.0) -> bool:
        """Makes the supervisor finish running requests and exit; returns whether it had after `timeout` seconds."""
        return run(self._left("shutdown", timeout))

    def restart(self, timeout: float | None = None) -> bool:
        """Makes the supervisor finish running requests and exit; new requests are served by the next supervisor.

        Returns whether it had exited after `timeout` seconds. The next request starts the new one, or a service manager
        does.
        """
        return run(self._left("restart", timeout))

    # --- models ------------------------------------------------------------------------------------------------------

    def pull(
        self, model: str, *, update: bool = False, on_progress: model_requests.OnProgress | None = None
    ) -> ModelResult:
        """Downloads `ENGINE/NAME`, or verifies it if it is installed; returns its `model`, `size` and `location`.

        Two pulls of one model share one download. When a download breaks off, the next one continues it.

        Args:
            update: looks for a newer version of an installed model, too; `changed` of the result then says whether its
                files have changed.
            on_progress: called with a description of the step, the bytes received, and the total or 0.
        """
        return run(self._changed("pull", model_requests.pull_params(model, update), on_progress))

    def import_model(
        self,
        path: str | os.PathLike[str],
        name: str,
        *,
        engine: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> ModelResult:
        """Copies a model's file or folder into hushd's models folder, as `ENGINE/name`; returns what `pull` does.

        Args:
            engine: the engine that loads it; None: detected from the content.
        """
        return run(self._changed("import", model_requests.import_params(path, name, engine), on_progress))

    def quantize(
        self,
        model: str,
        to: str = "int8",
        *,
        name: str | None = None,
        on_progress: model_requests.OnProgress | None = None,
    ) -> ModelResult:
        """Makes a smaller model of an installed one, unless that exists already; returns what `pull` does.

        Args:
            to: `int8`, or for Whisper's checkpoints another of CTranslate2's formats.
            name: of the new model; default: that of `model` if the engine is another one, else `NAME-int8`.
        """
        return run(self._changed("quantize", {"model": model, "to": to, "name": name or ""}, on_progress))
