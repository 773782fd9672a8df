"""The body of a request, read in this process: forms with their fields and file, and JSON, however they arrive."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hushd_gateway.http import body
from hushd_gateway.http.body import FIELDS, UPLOAD, Form, read_json
from hushd_gateway.http.errors import ApiError
from hushd_protocol.errors import HushdError
from starlette.requests import Request

pytestmark = pytest.mark.usefixtures("runtime")
KIND = "multipart/form-data; boundary=b"


def request(pieces: Sequence[bytes], kind: str = KIND, length: int | None = None) -> Request:
    """A request whose body arrives in these pieces."""
    left = [*pieces]

    async def receive() -> dict[str, Any]:
        piece = left.pop(0) if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    headers = [(b"content-type", kind.encode())]
    headers += [] if length is None else [(b"content-length", b"%d" % length)]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def part(head: str, value: bytes) -> bytes:
    return f"--b\r\n{head}\r\n\r\n".encode() + value + b"\r\n"


def field(name: str, value: bytes, more: str = "") -> bytes:
    return part(f'Content-Disposition: form-data; name="{name}"{more}', value)


END = b"--b--\r\n"
WHOLE = (
    field("model", b"small")
    + field("file", b"\r\n--sound\0\xff" * 9, '; filename="a.wav"')
    + field("keyword", "Zoë".encode())
    + part('CONTENT-DISPOSITION: form-data; name="keyword"\r\nX-Other: name="model"', b"")
    + part("X-No-Name: at all", b"lost")
    + END
)


async def refused(*data: bytes, **how: Any) -> ApiError:
    with pytest.raises(ApiError) as caught, Form() as form:
        await form.read(request(data, **how))
    return caught.value


@pytest.mark.parametrize("seed", range(20))
async def test_a_form_is_the_same_wherever_it_is_cut(seed: int) -> None:
    """Fields of one name keep their order, names of headers have any case, and the file has every byte."""
    draw, pieces, at = random.Random(seed), list[bytes](), 0
    while at < len(WHOLE):
        size = draw.choice((1, 2, 30, 1000))
        pieces.append(WHOLE[at : at + size])
        at += size
    with Form() as form:
        await form.read(request(pieces))
        assert dict(form.fields) == {"model": ["small"], "keyword": ["Zoë", ""], "": ["lost"]}
        assert form.path
        assert form.path.read_bytes() == b"\r\n--sound\0\xff" * 9
        assert form.path.stat().st_mode & 0o077 == 0
    assert not form.path.exists(), "the file goes with the form"


async def test_a_persons_recording_is_a_file_too() -> None:
    """`audio_sample` is that of a voice; bytes of another field that are not UTF-8 are replaced."""
    with Form() as form:
        await form.read(request([field("audio_sample", b"\0\1") + field("name", b"a\xff") + END]))
        assert form.path
        assert form.path.read_bytes() == b"\0\1"
        assert dict(form.fields) == {"name": ["a\ufffd"]}


async def test_a_form_without_a_file_has_none() -> None:
    """It leaves none behind either."""
    with Form() as form:
        await form.read(request([field("model", b"small") + END]))
        assert form.path is form.leave(1.0) is None


async def test_a_file_that_is_left_outlives_its_form() -> None:
    """Its name is told once."""
    with Form() as form:
        await form.read(request([field("file", b"sound") + END]))
        path = form.leave(60.0)
        assert path
        assert form.leave(60.0) is None
    assert path.read_bytes() == b"sound"
    path.unlink()


async def test_the_senders_error_does_not_show_where_its_recording_lies() -> None:
    """It is called the recording, with quotes around its path or without."""
    error = HushdError("input_unreadable", "")
    with suppress(HushdError), Form() as form:
        await form.read(request([field("file", b"sound") + END]))
        error.message = f"{str(form.path)!r} is no sound, {form.path} is not."
        raise error
    assert error.message == "The recording is no sound, The recording is not."


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=b", ""])
async def test_a_body_of_another_kind_is_refused(kind: str) -> None:
    """The sentence says what to send."""
    error = await refused(WHOLE, kind=kind)
    assert (error.status, error.message) == (
        400, "Send a form, as multipart/form-data, with the recording in its field `file`.",
    )  # fmt: skip


@pytest.mark.parametrize("data", [b"not a form", WHOLE[:-4], WHOLE[:60], WHOLE[:150], b"--b\r\nno header\r\n\r\n"])
async def test_a_damaged_form_is_refused_and_leaves_no_file(data: bytes, runtime: Path) -> None:
    """One that ends too early, too."""
    error = await refused(data)
    assert (error.status, error.message) == (400, "The form cannot be read: it is damaged, or ends too early.")
    assert not [path for path in runtime.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\r\n--"]


async def test_a_second_file_is_refused() -> None:
    """It names the field."""
    error = await refused(field("file", b"1") + field("audio_sample", b"2") + END)
    assert (error.status, error.message, error.param) == (400, "Send one file.", "file")


async def test_fields_have_room_together_and_a_file_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of headers count, the bytes of a file do not."""
    monkeypatch.setattr(body, "FIELDS", 200)
    with Form() as form:
        await form.read(request([field("file", bytes(10_000)) + field("a", bytes(50)) + END]))
    error = await refused(field("a", bytes(100)) + field("b", bytes(101)) + END)
    assert (error.status, error.message) == (413, "The fields of a form, besides its file, have at most 0 KB.")
    assert (await refused(part("X-Long: " + "x" * 200, b"") + END)).status == 413
    assert (await refused(part(f"{'x' * 200}: 1", b"") + END)).status == 413
    assert FIELDS == 4 << 20


@pytest.mark.parametrize("told", [True, False])
async def test_a_body_beyond_its_limit_is_refused(told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the length that was told, before any of it, or as soon as more has come; one of that size is read."""
    assert UPLOAD == 4 << 30
    for limit, status in ((4, 0), (3, 413)):
        pieces = body.pieces(request([b"ab", b"cd"], length=4 if told else None), limit)
        if not status:
            assert b"".join([piece async for piece in pieces]) == b"abcd"
            continue
        with pytest.raises(ApiError) as caught:
            assert [piece async for piece in pieces] == []
        assert (caught.value.status, caught.value.code) == (status, "request_too_large")


@pytest.mark.parametrize(("data", "expected"), [
    (b"", {}), (b'{"a": [1]}', {"a": [1]}), (b"[1]", "The body must be an object of JSON."),
    (b"{", "The body must be JSON."), (b"[" * 100_000, "The body must be JSON."), (b"\xff", "The body must be JSON."),
])  # fmt: skip
async def test_json_is_an_object_or_nothing(data: bytes, expected: object) -> None:
    """Whatever else comes is its sender's error."""
    if isinstance(expected, dict):
        assert await read_json(request([data])) == expected
        return
    with pytest.raises(ApiError) as caught:
        await read_json(request([data]))
    assert (caught.value.status, caught.value.message) == (400, expected)
