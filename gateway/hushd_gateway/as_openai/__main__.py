"""`python -m hushd_gateway.as_openai ADDRESS… -- MODULE ARGUMENTS…`: becomes MODULE, and reports beside it.

Runs in a process beside the supervisor, which is spared HTTP's client and the requests: it waits until the address
answers, prints the two lines to set, sends one request of each kind, and has ended then.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from hushd_protocol.errors import UNANSWERED, HushdError
from hushd_protocol.hosts import reachable
from hushd_protocol.system.paths import find
from hushd_schema.settings import HTTP_TOKEN, Settings, load
from hushd_schema.settings.access import check_packages, read_token
from hushd_schema.settings.address import Address, parse

from hushd_gateway.beside import ended, run_beside

if TYPE_CHECKING:
    from .outcome import Outcome

LOOK_S = 0.1  # between two looks whether the supervisor listens
END_S = 2.0  # for the end of a supervisor that answers no longer
OTHER_KEY = "TOKEN is the one with which the running supervisor was started: without it nothing was tried."


def main(arguments: Sequence[str]) -> int:
    """Becomes the module behind `--`, with its arguments; returns on errors only."""
    split = list(arguments).index("--")
    try:
        settings = load(find().config)
        address = _address(arguments[:split], settings)
        check_packages("http", address.text)
        key = _key(settings)
    except HushdError as error:
        print(f"hushd serve: {error}", file=sys.stderr)
        return error.exit_code
    run_beside(partial(report, address, *key), arguments[split + 1 :])


def report(address: Address, key: str, shown_key: str, lifeline: int) -> None:
    """Prints the lines to set, and the outcome of each request, until the end of `lifeline`.

    Args:
        address: the requested one; a port of 0 stands for any.
        key: what requests carry; empty for none.
        shown_key: the same for a shell, which does not show the secret.
    """
    with suppress(BrokenPipeError):
        if (place := _listening(address, lifeline)) is None:
            return
        host, port = place
        url = f"http://[{host}]:{port}/v1" if ":" in host else f"http://{host}:{port}/v1"
        from .checks import CHECKS, Trial, takes_key

        trial = Trial(host, port, key)
        if not takes_key(trial):
            _print(f"\nexport OPENAI_BASE_URL={url}\nexport OPENAI_API_KEY=TOKEN\n\n{OTHER_KEY}\n")
            return
        _print(
            f"\nexport OPENAI_BASE_URL={url}\nexport OPENAI_API_KEY={shown_key}\n\nTrying one request of each kind …\n"
        )
        outcomes: dict[str, Outcome] = {}
        for name, check in CHECKS:
            outcome = outcomes[name] = trial.outcome(check)
            if outcome.is_over or (outcome.is_cut and ended(lifeline, END_S)) or ended(lifeline, 0):
                return
        _print(_table(outcomes))


def _table(outcomes: Mapping[str, Outcome]) -> str:
    """Returns a line for each request, and a last one that counts them: whole, since the supervisor's log comes between
    what is written piece by piece."""
    lines = [f"  {name:<19} {outcome.line()}" for name, outcome in outcomes.items()]
    answered = sum(outcome.is_answered for outcome in outcomes.values())
    lacking = sum(bool(outcome.commands) for outcome in outcomes.values())
    failed = len(outcomes) - answered - lacking
    rest = [f"{lacking} lack a model, which the command brings"] if lacking else []
    rest += [f"{failed} failed"] if failed else []
    return "\n".join(["", *lines, "", "; ".join([f"{answered} of {len(outcomes)} answered", *rest]) + ".", ""])


def _print(text: str) -> None:
    """Writes at once, in one piece."""
    os.write(1, text.encode(errors="replace"))


def _address(texts: Sequence[str], settings: Settings) -> Address:
    """Returns the first address with a port; the configuration's if `texts` is empty.

    Raises:
        HushdError: `bad_request` when there is none, since programs of OpenAI's API open no socket's path.
    """
    addresses = [parse("http", text) for text in texts or settings.http.listen]
    if (first := next((each for each in addresses if not each.path), None)) is None:
        raise HushdError(
            "bad_request", "--as-openai needs an address with a host and a port: add --http 127.0.0.1:8000."
        )
    return first


def _key(settings: Settings) -> tuple[str, str]:
    """Returns the key that requests carry, empty for none, and how a shell names it without showing it."""
    if token := os.environ.get(HTTP_TOKEN, ""):
        return token, f'"${HTTP_TOKEN}"'
    if settings.http.token_file:
        return read_token(settings), f'"$(cat {shlex.quote(os.path.expanduser(settings.http.token_file))})"'
    return "", "none"


def _listening(requested: Address, lifeline: int) -> tuple[str, int] | None:
    """Returns host and port once the supervisor listens there; None if it ends before."""
    from hushd import Client

    while not ended(lifeline, LOOK_S):
        try:
            with Client(holder="as-openai", start=False, endpoint="") as client:
                door = client.status().door
        except HushdError as error:
            if error.code not in UNANSWERED:
                raise
            continue
        for listener in reversed(door.listeners if door else ()):
            if listener.kind == "http" and (place := _same(parse("http", listener.address), requested)):
                return place
    return None


def _same(listener: Address, requested: Address) -> tuple[str, int] | None:
    """Returns host and port for a program of this machine, if the listener is the requested address."""
    if listener.path or listener.host != requested.host or requested.port not in (0, listener.port):
        return None
    return reachable(listener.host), listener.port


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
