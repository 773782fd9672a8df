"""Mutators: bytes with damage, values with other values in them, and texts that are hard to read."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from random import Random
from typing import Any

Feed = Callable[[Random], None]

NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1)
FLOATS = (0.0, -0.0, 0.5, -1.5, 1e-320, 1e308, -1e308, 1e22, math.nan, math.inf, -math.inf, 3600.0, 86400.25)
TEXTS = (
    "", " ", "a", "\0", "\n", "\r\n", "\t", "\x1b[31m", "\u202e", "\ufeff", "ä", "e\u0301", "日本語", "👩\u200d👧",
    "\ud7ff", "..", "../../etc/passwd", "/dev/fd/0", "/", "stt/echo/a", "-", "--", "%s%n", "{}", "{voice}", "$HOME",
    "`id`", "nan", "inf", "-1", "1e999", "0x10", "1h30m", "٣", "true", "null", "x" * 300, "<", "&amp;", '"',
)  # fmt: skip


def damaged(rng: Random, data: bytes) -> bytes:
    """`data` with one to six bytes or places changed; now and then cut off."""
    body = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        place = rng.randrange(len(body) + 1)
        length = min(rng.choice((1, 1, 2, 4, 8, 40, 400)), max(1, len(body)))
        match rng.randrange(8):
            case 0 if body:
                body[place % len(body)] ^= 1 << rng.randrange(8)
            case 1:
                del body[place : place + length]
            case 2:
                body[place:place] = body[place : place + length] * rng.choice((1, 1, 2, 30))
            case 3:
                body[place:place] = rng.randbytes(length)
            case 4:
                width = rng.choice((1, 2, 4, 8))
                number = rng.choice(NUMBERS) & (256**width - 1)
                body[place : place + width] = number.to_bytes(width, rng.choice(("little", "big")))
            case 5:
                body[place:] = b""
            case 6:
                other = rng.randrange(len(body) + 1)
                body[place : place + length] = body[other : other + length]
            case _:
                body[place : place + length] = bytes([rng.choice((0, 0xFF, 0x20, 0x7F, 0x80))]) * length
    return bytes(body)


def scalar(rng: Random) -> Any:
    match rng.randrange(6):
        case 0:
            return rng.choice(NUMBERS) * rng.choice((1, 1, -1))
        case 1:
            return rng.choice(FLOATS)
        case 2:
            return rng.choice((None, True, False))
        case 3:
            return rng.randint(-5, 100) / rng.choice((1, 10))
    return rng.choice(TEXTS) + rng.choice(("", "", rng.choice(TEXTS)))


def anything(rng: Random, depth: int = 3) -> Any:
    if depth == 0 or rng.random() < 0.6:
        return scalar(rng)
    if rng.random() < 0.5:
        return [anything(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 5)))]
    return {rng.choice(TEXTS): anything(rng, depth - 1) for _ in range(rng.choice((0, 1, 3)))}


def altered(rng: Random, value: Any, times: int = 0) -> Any:
    """A copy of `value`, a structure of dicts and lists, with one to three places changed."""
    value = copy.deepcopy(value)
    for _ in range(times or rng.choice((1, 1, 2, 3))):
        places = list(_places(value))
        if not places:
            return anything(rng)
        holder, key = rng.choice(places)
        match rng.randrange(7):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(rng.choice(holder)))
            case 1:
                holder[rng.choice(TEXTS)] = holder[key]
            case 2:
                other, another = rng.choice(places)
                holder[key] = copy.deepcopy(other.get(another) if isinstance(other, dict) else anything(rng))
            case 3:
                holder[key] = rng.choice(([], {}, [holder[key]], {"a": holder[key]}, str(holder[key])))
            case 4:
                holder[key] = scalar(rng)
            case _:
                holder[key] = anything(rng)
    return value


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            found += [(value, key), *_places(item)]
    return found


def json_file(rng: Random, value: Any) -> bytes:
    """A JSON file much like `value`'s: altered, damaged, deeply nested, or with numbers that no computer has."""
    text = json.dumps(altered(rng, value), ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
    match rng.randrange(12):
        case 0 if rng.random() < 0.2:
            return rng.choice((b"[", b'{"a":')) * rng.choice((20, 900, 2000, 100_000))
        case 1:
            return text.replace(b"1", b"1" * rng.choice((400, 5000)))
        case 2 | 3 | 4:
            return damaged(rng, text)
        case 5:
            return rng.randbytes(rng.randrange(60))
    return text
