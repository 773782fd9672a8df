"""docs/PROTOCOL.md is what the code does: its tables are the code's, its example runs."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import types
import typing
from pathlib import Path
from typing import Any

import pytest
import zmq
from hushd_protocol import limits
from hushd_protocol import messages as m
from hushd_protocol.codec import Decoder, pack, unpack
from hushd_protocol.errors import CODES, Code
from hushd_protocol.system import lifeline, paths
from hushd_schema import description, status
from hushd_schema.operations.decoder import DECODER
from hushd_worker import harness
from msgspec import NODEFAULT
from msgspec.structs import FieldInfo, fields
from support import records
from support.house import House

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "PROTOCOL.md").read_text()
RECORDS: dict[str, tuple[type, ...]] = {
    "`supervisor`": (status.SupervisorStatus,),
    "`workers`, a list": (status.WorkerStatus,),
    "`memory`": (status.MemoryStatus,),
    "`cards` of `memory`": (status.CardStatus,),
    "`floor`": (status.FloorStatus,),
    "`door`, where there are addresses": (status.DoorStatus, status.ListenerStatus, status.GatewayStatus),
    "a role: `stt`, `tts`, `wake`": (description.RoleDescription,),
    "an engine": (description.HearingEngine, description.SpeakingEngine, description.WaitingEngine),
    "a model": (description.ModelDescription,),
    "a voice": (description.Voice,),
    "a word": (description.WakeWord,),
}
KINDS = {
    kind.__struct_config__.tag: kind
    for table in (m.FROM_CLIENT, m.TO_CLIENT, m.FROM_WORKER, m.TO_WORKER)
    for kind in table
}
DIRECTIONS = {
    "client → supervisor": m.FROM_CLIENT,
    "supervisor → client": m.TO_CLIENT,
    "worker → supervisor": m.FROM_WORKER,
    "supervisor → worker": m.TO_WORKER,
}


def type_name(hint: Any) -> str:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(type_name(arm) for arm in typing.get_args(hint))
    if typing.get_origin(hint) is list:
        return "list of " + type_name(*typing.get_args(hint))
    return "map" if typing.get_origin(hint) is dict else "nil" if hint is types.NoneType else str(hint.__name__)


def default_name(field: FieldInfo) -> str:
    if field.default_factory is not NODEFAULT:
        return "empty"
    if field.default is NODEFAULT:
        return "required"
    if field.default is None:
        return "nil"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    if isinstance(field.default, str):
        return f"`{field.default}`" if field.default else "empty"
    return str(field.default)


def table(first_column: str, text: str = TEXT) -> list[dict[str, str]]:
    """The rows of the first Markdown table whose first column has this title."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows and not line.startswith("|"):
            break
        if rows or (line.startswith("|") and cells[0] == first_column):
            rows.append(cells)
    titles, _, *body = rows or [[], []]
    return [dict(zip(titles, cells, strict=True)) for cells in body]


def fields_of(kind: str) -> list[tuple[str, str, str]]:
    """Each field of a message with its type and default; a row may have several, and one without a name belongs to the
    message above."""
    found: list[tuple[str, str, str]] = []
    message = ""
    for row in table("message"):
        message = row["message"].strip("`") or message
        if message == kind:
            found += [(field, row["type"], row["default"]) for field in row["field"].split(", ")]
    return sorted(found)


def test_every_message_and_its_directions() -> None:
    """The table of ways has for each exactly the messages that its code reads."""
    told = {row["way"]: set(re.findall(r"`(\w+)`", row["messages"])) for row in table("way")}
    assert told == {way: {kind.__struct_config__.tag for kind in kinds} for way, kinds in DIRECTIONS.items()}
    assert set.union(*told.values()) == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_the_fields_of_a_message(name: str) -> None:
    """Each message has its fields, with their types and defaults; a job has those of a request, too."""
    hints = typing.get_type_hints(KINDS[name])
    real = [
        (f"`{field.name}`", type_name(hints[field.name]), default_name(field))
        for field in fields(KINDS[name])
        if field.name != "payload"
    ]
    with_id = re.search(r"is its `id`.*? leaves out: (.*?)\.", TEXT.replace("\n", " "))
    assert with_id
    if f"`{name}`" in with_id[1]:
        assert real.pop(0) == ("`id`", "bytes", "required")
    if name == "job":
        as_there = re.search(r"A `job` is the request .*?, with (.*?) as there", TEXT.replace("\n", " "))
        assert as_there
        named = re.findall(r"`\w+`", as_there[1])
        assert [field for field in real if field in fields_of("request")] == [f for f in real if f[0] in named]
        real = [field for field in real if field[0] not in named]
    assert fields_of(name) == sorted(real)
    if not real:
        assert f"`{name}`" in TEXT.partition("have no fields")[0].rpartition("\n\n")[2].replace("\n", " ")


def test_every_control_is_understood() -> None:
    """The table of messages, that of controls and the supervisor know the same actions."""
    (row,) = (row for row in table("message") if row["field"] == "`action`")
    named = re.findall(r"`(\w+)`", row["meaning"])
    assert sorted(named) == sorted(name for each in table("action") for name in re.findall(r"`(\w+)`", each["action"]))
    house = House()
    answers = {name: house.answer(house.control(name)) for name in named}
    assert not [
        name for name, answer in answers.items() if isinstance(answer, m.Error) and answer.code == "unsupported"
    ]


def test_errors() -> None:
    """The table of errors is CODES."""
    rows = [
        Code(
            row["code"].strip("`"), row["culprit"], {"yes": True, "no": False}[row["retryable"]], int(row["HTTP"]),
            int(row["exit"]), row["scope"],
        )
        for row in table("code")
    ]  # fmt: skip
    assert rows == list(CODES.values())


def test_limits() -> None:
    """The table of limits has every number of `limits`, with its value."""
    told = {row["limit"].strip("`"): int(row["value"]) for row in table("limit")}
    assert told == {name: value for name, value in vars(limits).items() if isinstance(value, int)}
    assert f"`{limits.MAGIC.decode()}`" in TEXT
    assert ", ".join(f"`{word}`" for word in limits.PRIORITIES).replace("`text`", "`text` (the default)") in TEXT


def test_environment_and_exit_codes() -> None:
    """The variables of a worker and of the paths, and a worker's exit codes, are those of the code."""
    told = {row["variable"].strip("`") for row in table("variable")}
    assert told == set(re.findall(r'"(HUSHD_\w+)"', inspect.getsource(harness))) | {lifeline.TREE}
    for name in ("HUSHD_RUNTIME_DIR", "XDG_RUNTIME_DIR"):
        assert f"${name}" in TEXT
        assert name in inspect.getsource(paths.find)
    assert f"exits with {harness.EXIT_LOAD_FAILED}" in re.sub(r"\s+", " ", TEXT)
    assert f"exits with {harness.EXIT_CRASHED}" in re.sub(r"\s+", " ", TEXT)


def test_every_word_in_code_type_is_known() -> None:
    """No error code is spelled wrong: whatever looks like one in the text is in the table."""
    likely = set(re.findall(r"`([a-z]+_[a-z_]+)`", TEXT))
    kinds = (*KINDS.values(), *(kind for kinds in RECORDS.values() for kind in kinds))
    names = {name for kind in kinds for name in records.fields(kind)}
    tables = TEXT.split("| parameter | meaning |")[1:]
    parameters = {name for text in tables for name in re.findall(r"^\| `(\w+)`", text, flags=re.MULTILINE)}
    details = {
        "leave_s", "log_tail", "st_dev", "st_ino", "st_size", "temperature_increment_on_fallback", "total_s",
        "why_there", "zmq_socket_monitor",
    }  # fmt: skip
    assert all(f"`{name}`" in TEXT for name in DECODER.fields)
    warnings = {row["warning of a speech"].strip("`") for row in table("warning of a speech")}
    assert likely <= set(CODES) | set(KINDS) | set(DECODER.fields) | names | parameters | details | warnings


def test_warnings() -> None:
    """The table of warnings in LISTEN.md has those that the worker gives."""
    files = (ROOT / "worker_stt" / "hushd_worker_stt").rglob("*.py")
    given = {code for file in files for code in re.findall(r'(?:warn\(|"code": )"(\w+)"', file.read_text())}
    told = table("code", (ROOT / "docs/LISTEN.md").read_text())
    assert given <= {code for row in told for code in re.findall(r"`(\w+)`", row["code"])}


def test_the_example_client_runs(folder: Path) -> None:
    """docs/examples/wire_client.py, on a ROUTER that answers as the text says: credit, ping, result."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.bind(f"ipc://{folder}/client.sock")
    program = ROOT / "docs/examples/wire_client.py"
    words = [sys.executable, program, folder / "client.sock", "Hush.", folder / "out"]
    client = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    decoder = Decoder(m.FROM_CLIENT)
    route = b""

    def receive() -> m.Message:
        nonlocal route
        assert router.poll(60_000)
        route, *frames = router.recv_multipart()
        return unpack(frames, decoder)

    def send(*answers: m.Message) -> None:
        for message in answers:
            router.send_multipart([route, *pack(message)])

    try:
        assert isinstance(receive(), m.Hello)
        send(m.Welcome(protocol=1, version="0.1.0"))
        request = receive()
        assert isinstance(request, m.Request)
        assert (request.worker, request.op, request.input, request.payload) == ("tts", "synthesize", "inline", b"Hush.")
        other = m.Error(id=bytes(16), code="cancelled", message="Of another request.")
        send(m.Accepted(id=request.id, state="running"), other, m.Ping())
        assert isinstance(receive(), m.Pong)
        credit, sent = request.credit, 0
        while sent < 20:
            while credit and sent < 20:
                send(m.Chunk(id=request.id, seq=sent, payload=bytes([sent]) * 100))
                sent, credit = sent + 1, credit - 1
            grant = receive()
            assert isinstance(grant, m.Credit)
            credit += grant.chunks
        send(m.Result(id=request.id, data={"duration": 1.5}))
        out, _ = client.communicate(timeout=60)
        assert (client.returncode, out) == (0, "{'duration': 1.5}\n")
        assert (folder / "out").read_bytes() == b"".join(bytes([n]) * 100 for n in range(20))
    finally:
        client.kill()
        client.communicate()
        context.destroy(linger=0)


def test_the_results_of_status_and_describe() -> None:
    """Each record has its row, with each of its fields."""
    rows = dict(re.findall(r"^\| (.+?) \| (.*) \|$", TEXT, re.MULTILINE))
    for row, kinds in RECORDS.items():
        named = set(re.findall(r"`(\w+)`", rows[row]))
        for kind in kinds:
            assert records.fields(kind).keys() <= named, kind
