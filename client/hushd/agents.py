"""The words of agents that are said aloud: the name of a session, by its project, and a text without its secrets.

The beginnings of keys are those that the issuers document for their secrets: OpenAI and Anthropic, Stripe, GitHub,
GitLab, Slack, Hugging Face, npm, PyPI, AWS and Google. What has none is known by its shape: a long word of hexadecimal
digits, or one of base64 whose letters and digits take turns as they do in no name.
"""

from __future__ import annotations

import os
import re

MAX_AGENT_NAME_CHARACTERS = 40  # characters
_TAKEN = ("", "self", "cli")  # names taken by the floor and by hushd's own commands
SAID = "a key"
_INSIDE = "a-key"  # part of an address, which stays one: the host alone is read of it
_PEM = re.compile(
    r"-----BEGIN (?P<kind>[A-Z0-9 ]{1,40})-----(?:(?!-----)[\s\S])*+(?:-----END (?P=kind)-----)?", re.ASCII
)
_ISSUED = re.compile(
    r"(?<![\w-])(?:"
    r"sk-[\w-]{16,}|[prs]k_(?:live|test)_\w{10,}|gh[oprsu]_\w{20,}|github_pat_\w{20,}|gl[a-z]{2,5}-[\w-]{20,}"
    r"|xox[abeoprs]-[\w-]{10,}|hf_\w{20,}|npm_\w{30,}|pypi-[\w-]{30,}|A(?:GP|ID|KI|RO|SI)A[0-9A-Z]{12,}"
    r"|AIza[\w-]{30,}|ya29\.[\w.-]{20,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"
    r")",
    re.ASCII,
)
_WORD = re.compile(r"[A-Za-z0-9+_=-]{32,}")
_BASE64 = re.compile(r"(?<![^\s\"'`(=])[A-Za-z0-9+/_=-]{32,}(?![\w.])", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")  # names something, and opens nothing
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_TURNS = 0.25  # share of a word's characters that another kind follows: random ones have 0.47, names at most 0.2


def name_of(folder: str) -> str:
    """Returns the name of the project that a session's folder is in, by its repository; else of the folder itself."""
    path = os.path.realpath(folder) if folder else ""
    home = os.path.realpath(os.path.expanduser("~"))
    project = path
    while project not in ("", "/", home) and not os.path.exists(os.path.join(project, ".git")):
        project = os.path.dirname(project)
    name = os.path.basename(path if project in ("", "/", home) else project)
    name = "".join(sign for sign in name if sign.isprintable())[:MAX_AGENT_NAME_CHARACTERS].strip()
    return f"agent {name}".strip() if name.isdecimal() or name in _TAKEN else name


def without_keys(text: str) -> str:
    """Returns a text with "a key" in place of each secret in it."""
    text = _ISSUED.sub(lambda word: _said(word, _has_digit(word[0])), _PEM.sub(SAID, text))
    for shape in (_BASE64, _WORD):
        text = shape.sub(lambda word: _said(word, _is_key(word[0])), text)
    return text


def _said(word: re.Match[str], is_key: bool) -> str:
    if not is_key:
        return word[0]
    return _INSIDE if word.string[word.start() - 1 : word.start()] in ("/", "=", "&") else SAID


def _is_key(word: str) -> bool:
    """Returns whether a long word is hexadecimal, or random in base64."""
    if not _has_digit(word) or _UUID.fullmatch(word):
        return False
    if _HEXADECIMAL.issuperset(word):
        return True
    return sum(map(_takes_turn, word, word[1:])) > _TURNS * len(word)


def _takes_turn(sign: str, following: str) -> bool:
    """Returns whether a sign follows of another kind; a capital before a small letter begins a name."""
    if not (sign.isalnum() and following.isalnum()) or (sign.isupper() and following.islower()):
        return False
    return (sign.isdigit(), sign.isupper()) != (following.isdigit(), following.isupper())


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))
