"""The tables `[neighbours.NAME]`: other servers of this machine, which `hushd neighbours` asks.

The core's reader finds `checked` by its entry point, `hushd.settings`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from hushd_protocol.errors import HushdError
from hushd_protocol.light_dataclass import dataclass
from hushd_protocol.suggest import did_you_mean
from hushd_schema import toml
from hushd_schema.kinds import TABLE, Kind, check, choice, seconds, text
from hushd_schema.settings.declaration import setting, settings_of

KINDS = ("ollama", "llama-server", "llama-swap")


def _is_url(value: object) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else None
        if not value or parts is None:
            return value == ""
        plain = "@" not in parts.netloc and not (parts.query or parts.fragment)
        return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class NeighbourSettings:
    """A table `[neighbours.NAME]`: a server that `hushd neighbours give` asks for its idle memory."""

    kind: str = setting("", choice(*KINDS), "the program that answers there")
    url: str = setting("", Kind('an address such as "http://127.0.0.1:11434"', _is_url), "its address")
    idle: float = setting(
        60.0,
        seconds(),
        "how long a model must have been idle; 0: also where the server does not say whether it is in use",
    )
    token: str = setting("", text(), "the secret that it asks for; no log and no command shows it")


def checked(name: str, content: object) -> NeighbourSettings:
    """Returns the settings of a neighbour. Raises `bad_request`; the sentence is to be read after the file's name and
    `: `."""
    where = f"neighbours.{toml.key(name)}"
    table = check(where, content, TABLE)
    known = settings_of(NeighbourSettings)
    values = {}
    for key, value in table.items():
        if key not in known:
            hint = did_you_mean(key, known) or f": known are {', '.join(sorted(known))}"
            raise HushdError("bad_request", f"there is no key {where}.{toml.key(key)}{hint}.")
        if key == "token" and not isinstance(value, str):
            raise HushdError("bad_request", f"{where}.token must be text.")  # its value is not shown
        values[key] = check(f"{where}.{key}", value, known[key].kind)
    made = NeighbourSettings(**values)
    if not made.kind:
        raise HushdError("bad_request", f'{where} needs a kind, such as kind = "ollama".')
    if not made.url:
        raise HushdError("bad_request", f'{where} needs a url, such as "http://127.0.0.1:11434".')
    return made
