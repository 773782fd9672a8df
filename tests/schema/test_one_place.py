"""An option is declared in one place: whatever checks, offers, sends or explains it follows from there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

# Declared before anything of hushd is imported, as if it stood in the operation's module.
PROGRAM = """
import json
from typing import Annotated
from msgspec import Meta
from hushd_schema.operations import Field, Name, Option
from hushd_schema.operations import synthesize, transcribe

FIELD = Field(
    "how eager it is, 1 to 9",
    kind=Annotated[float, Meta(ge=1, le=9)],
    by_engine=True,
    option=Option(("--eagerness",), "how eager it is", "N", group={group!r}),
    http=Name("How eager."),
    mcp=Name("Eagerness, 1 to 9 (default 5).", "eager", default=5.0),
)
module = {module}
def refused(call, *arguments):
    try:
        call(*arguments)
    except Exception as error:  # the command's or the gateway's
        return error.message

module.{operation}.fields["eagerness"] = module.OPTIONS["eagerness"] = FIELD
from hushd_mcp import calls, server, work
tools = {{tool.name: tool for tool in server.AgentServer(calls.Calls(work.TaskRegistry()))._tool_manager.list_tools()}}
found = {{"mcp": [name for name, tool in tools.items() if "eager" in tool.parameters["properties"]]}}
{program}
print(json.dumps(found))
"""
HEARD = """
from hushd.verbs.requests import transcribe_params
from hushd_cli.commands import completion
from hushd_cli.commands.listen import options
from hushd_gateway.http.realtime.session import Session
from hushd_gateway.http.transcription.params import TRANSCRIPTION
from hushd_schema.engines import EngineSpec
from hushd_worker_stt.engine import Model
from hushd_worker_stt.request import Request

model = Model("tiny", ("en",), 1)
engine = EngineSpec("scripted", "stt", "", "tiny", streaming=True, options=())
parsed = options.parse("listen", ["--eagerness", "3", "a.wav"])
found["sent"] = transcribe_params(options.transcribe_options(parsed))
found["carried_out"] = Request.parse(found["sent"], engine, model).options().decoder
found["warning"] = Request.parse(found["sent"], engine, model).warnings(engine)[0]["message"]
found["worker"] = refused(Request.parse, {"eagerness": 0}, engine, model)
found["command"] = refused(options.parse, "listen", ["--eagerness", "0", "a.wav"])
found["help"] = "--eagerness N" in options.make_parser("listen").format_help(whole=True)
found["completed"] = "--eagerness" in completion.offers(["listen"], "-")
found["http"] = next(each.form for each in TRANSCRIPTION if each.name == "eagerness")
session = Session("sess_1")
found["realtime"] = refused(session.update, {"audio": {"input": {"transcription": {"eagerness": 0}}}})
session.update({"audio": {"input": {"transcription": {"eagerness": 2}}}})
found["listened"] = session.options()["eagerness"]
found["schema"] = tools["hushd_listen"].parameters["properties"]["eager"]
"""
SPOKEN = """
from hushd.verbs.requests import synthesize_params
from hushd_cli.commands.say import options
from hushd_gateway.http.speech import PARAMETERS
parsed = options.parse("say", ["--eagerness", "3", "Hello."])
found["sent"] = synthesize_params(options.synthesize_options(parsed))
found["worker"] = refused(synthesize.SYNTHESIZE.read, {"eagerness": 0})
found["command"] = refused(options.parse, "say", ["--eagerness", "0", "Hello."])
found["http"] = next(each.form for each in PARAMETERS if each.name == "eagerness")
"""


def learned(module: str, group: str, program: str) -> dict[str, Any]:
    line = PROGRAM.format(module=module, operation=module.upper(), group=group, program=program)
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def heard() -> dict[str, Any]:
    return learned("transcribe", "text", HEARD)


def test_a_field_of_transcribe_goes_from_the_command_line_to_the_engine(heard: dict[str, Any]) -> None:
    """Nothing but its declaration names it: the command sends it, the worker checks it, an engine gets or lacks it."""
    assert heard["sent"] == {"eagerness": 3.0}
    assert heard["carried_out"] == {"eagerness": 3.0}
    assert heard["warning"] == "The engine 'scripted' takes no eagerness: the recording was transcribed without."
    assert heard["worker"] == "eagerness must be a number from 1 to 9, not 0."
    assert heard["command"] == "--eagerness must be a number from 1 to 9, not '0' (see `listen --help`)."
    assert heard["help"]
    assert heard["completed"]


def test_a_field_of_transcribe_is_known_over_http_and_to_agents(heard: dict[str, Any]) -> None:
    """Forms, realtime sessions and the tools' schemas have it, under the names that it declares."""
    assert heard["http"] == {"type": "number", "minimum": 1, "maximum": 9}
    assert heard["realtime"] == "eagerness must be a number from 1 to 9, not 0."
    assert heard["listened"] == 2
    assert heard["mcp"] == ["hushd_listen", "hushd_converse", "hushd_transcribe"]
    told = {"type": "number", "minimum": 1, "maximum": 9, "default": 5.0}
    assert heard["schema"] == told | {"description": "Eagerness, 1 to 9 (default 5)."}


def test_a_field_of_synthesize_is_known_everywhere() -> None:
    """The same for speech."""
    found = learned("synthesize", "voice", SPOKEN)
    assert found["sent"] == {"eagerness": 3.0}
    assert found["worker"] == "eagerness must be a number from 1 to 9, not 0."
    assert found["command"] == "--eagerness must be a number from 1 to 9, not '0' (see `say --help`)."
    assert found["http"] == {"type": "number", "minimum": 1, "maximum": 9}
    assert found["mcp"] == ["hushd_say", "hushd_converse"]


@pytest.mark.parametrize("command", ["say", "listen"])
def test_a_command_loads_no_other_operation(command: str) -> None:
    """`say` knows nothing of `transcribe`, nor `listen` of `synthesize`: each loads what it asks for."""
    line = f"import sys, hushd_cli.commands.{command}.options; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("hushd_schema.operations.")}
    own = {"say": ("synthesize",), "listen": ("transcribe", "decoder")}[command]
    assert loaded == {f"hushd_schema.operations.{name}" for name in own}
