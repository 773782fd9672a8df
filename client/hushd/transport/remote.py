"""A supervisor on another machine: reached by TCP, encrypted by CURVE, and known by its public key.

libzmq retries a handshake for ever and says nothing. So a plain connect comes first, which fails with a reason, and the
events of the handshake say the rest at once.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import TypeVar

import zmq
from hushd_protocol import endpoint
from hushd_protocol.endpoint import Endpoint, key_text, place
from hushd_protocol.errors import HushdError
from hushd_protocol.system.keys import KeyFiles, check_curve, public_of
from hushd_protocol.system.paths import Paths

VARIABLE = "HUSHD_ENDPOINT"
CONNECT_S = 5.0  # for the plain connect
WELCOME_S = 10.0  # for the handshake and the welcome: the machine has answered, so it may only be busy
AGAIN_S = 5.0  # in which a supervisor that served us before may start anew
PAUSE_S = 0.1
DOUBTS = 4  # attempts, before a handshake without an end counts as one with a wrong key: the other side may be crowded

T = TypeVar("T")


class RemoteMachine:
    """The machine at an endpoint, as this one comes to it.

    Attributes:
        patience: the seconds in which it must answer a hello.
        lends_devices: whether its devices are used from here.

    Raises:
        HushdError: `bad_request` for what is not an endpoint; `unauthorised` where this machine has no key.
    """

    patience = WELCOME_S
    lends_devices = False

    def __init__(self, text: str, paths: Paths) -> None:
        self.endpoint: Endpoint = endpoint.parse(text)
        check_curve()
        secret = KeyFiles(paths).secret()
        if secret is None:
            raise HushdError(
                "unauthorised",
                "This machine has no key to come to another with: run `hushd keys generate`, and allow it there.",
            )
        self._secret = secret
        self._where: tuple[str, int] = ("", 0)  # where it answered last
        self._served = False  # whether we had a connection before

    @property
    def place(self) -> str:
        """Its name and port, for people."""
        return self.endpoint.place

    def connect(self, open: Callable[[], T]) -> T:
        """Returns the connection that `open` makes; tries again where a supervisor may be starting anew.

        Raises:
            HushdError: `no_supervisor` where nobody listens; `unauthorised` for a wrong key of either machine.
        """
        give_up = time.monotonic() + AGAIN_S
        doubts = 0
        while True:
            try:
                self.find()
                connection = open()
            except HushdError as error:
                doubts += error.code == "unauthorised" and "doubt" in error.detail
                again = error.code in ("supervisor_lost", "shutting_down") or 0 < doubts < DOUBTS
                again |= self._served and error.code == "no_supervisor"
                if not again or time.monotonic() >= give_up:
                    raise
                time.sleep(PAUSE_S)
                continue
            self._served = True
            return connection

    def find(self) -> None:
        """Connects and leaves again, since only a plain connect tells the fault, and the address that works.

        Raises:
            HushdError: `no_supervisor`.
        """
        host, port = self.endpoint.host, self.endpoint.port
        try:
            with socket.create_connection((host, port), CONNECT_S) as probe:
                self._where = probe.getpeername()[:2]
        except TimeoutError as error:
            raise self._nobody(f"it has not answered for {CONNECT_S:.0f} s", "is it on?") from error
        except (socket.gaierror, UnicodeError) as error:
            raise self._nobody("its name is not known", f"write its address into {VARIABLE}.") from error
        except ConnectionRefusedError as error:
            raise self._nobody(
                "nobody listens there", "does hushd run there, with [remote] listen in its configuration?"
            ) from error
        except OSError as error:
            raise self._nobody(error.strerror or str(error), "is it on, and in a network that leads there?") from error

    def secure(self, dealer: zmq.Socket[bytes]) -> str:
        """Gives a socket the keys; returns where it is to connect."""
        dealer.setsockopt(zmq.CURVE_SERVERKEY, self.endpoint.key)
        dealer.setsockopt(zmq.CURVE_PUBLICKEY, public_of(self._secret))
        dealer.setsockopt(zmq.CURVE_SECRETKEY, self._secret)
        dealer.setsockopt(zmq.IPV6, 1)
        return f"tcp://{place(*self._where)}"

    def explain(self, events: list[int], silent: bool) -> HushdError:
        """The reason why there was no welcome, by the events of the socket's monitor; `silent`: none came in time."""
        if zmq.EVENT_HANDSHAKE_FAILED_AUTH in events:
            name, key = socket.gethostname().partition(".")[0], key_text(public_of(self._secret))
            return HushdError(
                "unauthorised",
                f"{self.place} does not allow this machine's key: run `hushd keys allow {name} {key}` there.",
            )
        if zmq.EVENT_HANDSHAKE_SUCCEEDED in events:
            return HushdError("supervisor_lost", f"The supervisor at {self.place} went away: try again.")
        if silent:
            return self._nobody("it accepts connections and says nothing", "look at `hushd logs` there.")
        return HushdError(
            "unauthorised",
            f"{self.place} is not the hushd with the key in {VARIABLE}: `hushd keys list` prints its key there.",
            detail={"doubt": True},
        )

    def _nobody(self, what: str, remedy: str) -> HushdError:
        return HushdError("no_supervisor", f"There is no hushd to reach at {self.place} ({what}): {remedy}")
