"""examples/langchain_tools.py and pydantic_ai_tools.py: an agent with a scripted model of the library's own."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec

import pytest
from support.wer import BECKETT, word_error_rate

from .room import LIMIT_S, Room, ended

pytestmark = pytest.mark.timeout(2 * LIMIT_S)
# What the model does in the place of a real one: its calls, one after the other.
CALLS = [
    ("speak", {"text": "Good morning."}),
    ("ask", {"question": "How was your day?"}),
    ("transcribe", {"path": "beckett.wav"}),
    ("transcribe", {"path": "missing.wav"}),
]
LANGCHAIN = """
import json, sys
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_tools import TOOLS

tools = {tool.name: tool for tool in TOOLS}
calls = [{"name": name, "args": args, "id": str(number)} for number, (name, args) in enumerate(json.loads(sys.argv[1]))]
replies = [*(AIMessage("", tool_calls=[call]) for call in calls), AIMessage("Done.")]
model, history = GenericFakeChatModel(messages=iter(replies)), ["Go."]
while calls := (message := model.invoke(history)).tool_calls:
    history += [message, *(tools[call["name"]].invoke(call) for call in calls)]
print(json.dumps([each.content for each in history[2::2]]))
"""
PYDANTIC_AI = """
import json, sys
from pydantic_ai.messages import ModelResponse, RetryPromptPart, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import FunctionModel
from pydantic_ai_tools import agent

calls = [ToolCallPart(name, args) for name, args in json.loads(sys.argv[1])]
def reply(messages, info):
    assert {tool.name for tool in info.function_tools} == {"speak", "ask", "listen", "transcribe"}
    return ModelResponse(parts=[calls.pop(0) if calls else TextPart("Done.")])
result = agent.run_sync("Go.", model=FunctionModel(reply))
assert result.output == "Done."
parts = (part for message in result.all_messages() for part in message.parts)
print(json.dumps([part.content for part in parts if isinstance(part, ToolReturnPart | RetryPromptPart)]))
"""


def results(room: Room, program: str) -> list[str]:
    """The answers of the tools to the model."""
    answers: list[str] = json.loads(ended(room.spawn([sys.executable, "-c", program, json.dumps(CALLS)])))
    return answers


@pytest.mark.parametrize(
    ("package", "program"), [("langchain_core", LANGCHAIN), ("pydantic_ai", PYDANTIC_AI)], ids=["langchain", "pydantic"]
)
def test_an_agent_has_a_voice_and_ears(room: Room, package: str, program: str) -> None:
    """It speaks, has an answer to its question, reads a recording, and is told why another cannot be read.

    The agent is the library's own, with a model that follows a script in place of one on the network.
    """
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    spoken, answer, read, error = results(room, program)
    assert spoken == "It was heard."
    assert "ever failed" in answer.lower()
    speaker, _, text = read.partition(": ")
    assert speaker == "SPEAKER_00"
    assert word_error_rate(BECKETT, text) <= 0.15
    assert error == "'missing.wav' cannot be read (No such file or directory)."
    assert room.sounds() == 2
