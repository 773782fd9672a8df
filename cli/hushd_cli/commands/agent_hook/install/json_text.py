"""Edits of JSON as text: all the rest stays as its owner wrote it, comments and indents included. Pure.

The settings of agents are people's own files, some with comments (Gemini CLI allows them), which no parser keeps.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*"')
_ATOM = re.compile(r"-?\d[\d.eE+-]*|true|false|null")
_INDENT = re.compile(r"^([ \t]+)\S", re.MULTILINE)
_DEEPEST = 100


@dataclass(slots=True)
class Node:
    """A value and its place in the text.

    Attributes:
        first: the place where its text begins; of a member of an object, that of its key.
        start, end: those of the value.
        items: the values in an array or an object.
        key: of a member of an object.
        value: of a string.
    """

    first: int
    start: int
    end: int
    kind: str
    items: list[Node] = field(default_factory=list)
    key: str = ""
    value: str = ""

    def get(self, key: str) -> Node | None:
        """The member of an object."""
        return next((item for item in self.items if self.kind == "{" and item.key == key), None)


def parse(text: str) -> Node:
    """The value that the text is.

    Raises:
        ValueError: with the line, for what is not JSON with comments.
    """
    node = _value(text, _skip(text, 0), 0)
    if (end := _skip(text, node.end)) != len(text):
        raise _fault(text, end)
    return node


def append(text: str, parent: Node, value: object, key: str | None = None) -> str:
    """The text with a value behind the last one of an array or, with a key, of an object."""
    indent = _INDENT.search(text)
    unit = indent[1] if indent else "  "
    newline = "\r\n" if "\r\n" in text else "\n"
    line = text[text.rfind("\n", 0, parent.first) + 1 :]
    outer = line[: len(line) - len(line.lstrip(" \t"))]
    shown = json.dumps(value, indent=unit, ensure_ascii=False)
    if key is not None:
        shown = f"{json.dumps(key)}: {shown}"
    shown = (newline + outer + unit) + shown.replace("\n", newline + outer + unit)
    if parent.items:
        place = parent.items[-1].end
        return f"{text[:place]},{shown}{text[place:]}"
    place = parent.start + 1
    rest = text[place:] if "\n" in text[place : parent.end] else f"{newline}{outer}{text[place:]}"
    return f"{text[:place]}{shown}{rest}"


def remove(text: str, parent: Node, node: Node) -> str:
    """The text without one of the values of an array or an object."""
    place = next(number for number, item in enumerate(parent.items) if item is node)
    if place:
        return text[: parent.items[place - 1].end] + text[node.end :]
    if len(parent.items) > 1:
        return text[: node.first] + text[parent.items[1].first :]
    comma = _skip(text, node.end)
    end = comma + 1 if text[comma] == "," else node.end
    rest = text[end : parent.end - 1]
    return text[: parent.start + 1] + (rest if rest.strip() else "") + text[parent.end - 1 :]


def _value(text: str, at: int, depth: int) -> Node:
    sign = text[at : at + 1]
    if depth > _DEEPEST:
        raise _fault(text, at)
    if sign in ("{", "["):
        return _container(text, at, depth)
    if match := _STRING.match(text, at):
        return Node(at, at, match.end(), '"', value=json.loads(match[0]))
    if match := _ATOM.match(text, at):
        return Node(at, at, match.end(), "0")
    raise _fault(text, at)


def _container(text: str, start: int, depth: int) -> Node:
    node = Node(start, start, start, text[start])
    closing = "}" if text[start] == "{" else "]"
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        if node.items:
            if text[at : at + 1] != ",":
                raise _fault(text, at)
            at = _skip(text, at + 1)
            if text[at : at + 1] == closing:
                break  # behind a trailing comma
        first, key = at, ""
        if closing == "}":
            name = _STRING.match(text, at)
            colon = _skip(text, name.end()) if name else at
            if name is None or text[colon : colon + 1] != ":":
                raise _fault(text, at)
            key, at = json.loads(name[0]), _skip(text, colon + 1)
        item = _value(text, at, depth + 1)
        item.first, item.key = first, key
        node.items.append(item)
        at = _skip(text, item.end)
    node.end = at + 1
    return node


def _skip(text: str, at: int) -> int:
    """The place behind white space and comments."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _fault(text: str, at: int) -> ValueError:
    return ValueError(f"it is not JSON in line {text.count(chr(10), 0, at) + 1}")
