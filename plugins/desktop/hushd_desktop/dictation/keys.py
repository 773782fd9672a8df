"""Names of keys: `F9`, `Super+d`, `Ctrl+Alt+space`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hushd_protocol.errors import HushdError

MODIFIERS = ("Ctrl", "Alt", "Shift", "Super")
_MEANT = {
    "ctrl": "Ctrl", "control": "Ctrl", "alt": "Alt", "option": "Alt", "shift": "Shift",
    "super": "Super", "win": "Super", "meta": "Super", "cmd": "Super", "logo": "Super",
}  # fmt: skip
_PORTAL = {"Ctrl": "CTRL", "Alt": "ALT", "Shift": "SHIFT", "Super": "LOGO"}
_KEYSYMS = {"\n": 0xFF0D, "\t": 0xFF09, "\b": 0xFF08}  # Return, Tab, BackSpace
_UNICODE = 0x01000000  # added to characters that have no older keysym
_NAMES = {"enter": "Return", "esc": "Escape", "del": "Delete", "pageup": "Page_Up", "pagedown": "Page_Down"}


@dataclass(frozen=True, slots=True)
class Key:
    """A key with modifiers; `name` is the keysym's name in X11, such as `F9`, `d`, `space`."""

    name: str
    modifiers: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "+".join((*self.modifiers, self.name))

    @property
    def trigger(self) -> str:
        """The key in the notation of desktop portals."""
        return "+".join((*(_PORTAL[modifier] for modifier in self.modifiers), self.name))


def parse(text: str) -> Key:
    """Reads a key's name. Raises `bad_request` if it is not a key."""
    *modifiers, name = text.strip().split("+")
    wrong = [word for word in modifiers if word.strip().lower() not in _MEANT]
    if not name.strip() or wrong or name.strip().lower() in _MEANT:
        example = "a key is written as F9, Super+d or Ctrl+Alt+space"
        what = f"{wrong[0]!r} is not a modifier" if wrong else f"{text!r} names no key"
        raise HushdError("bad_request", f"{what[:1].upper()}{what[1:]}: {example}.")
    given = {_MEANT[word.strip().lower()] for word in modifiers}
    return Key(_named(name.strip()), tuple(modifier for modifier in MODIFIERS if modifier in given))


def _named(name: str) -> str:
    if len(name) == 1:
        return name.lower()
    if name[:1] in "fF" and name[1:].isdigit():
        return name.upper()
    return _NAMES.get(name.lower(), name)


def keysym(character: str) -> int:
    """Returns X11's keysym for a character."""
    code = ord(character)
    latin = 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF
    return _KEYSYMS.get(character) or (code if latin else _UNICODE | code)
