"""Gives an agent of Pydantic AI a voice and ears: tools to speak, to ask aloud, to listen and to read recordings.

    pip install 'hushd[default]' 'pydantic-ai-slim[openai]'          # or another provider of models
    python pydantic_ai_tools.py openai:gpt-5-mini "Ask me how my day was, and sum up what I say."

In a program of your own: `Agent(model, toolsets=[hushd_tools])`. The microphone is held only while a tool listens.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import hushd
from pydantic_ai import Agent, FunctionToolset, ModelRetry

client = hushd.Client(holder="pydantic-ai")
hushd_tools = FunctionToolset(sequential=True)  # one call at a time, since a person hears and says one thing at a time


@contextmanager
def told() -> Iterator[None]:
    """Reports a tool's failure to the model in a sentence, so that the agent continues."""
    try:
        yield
    except hushd.HushdError as error:
        raise ModelRetry(str(error)) from error


@hushd_tools.tool_plain
def speak(text: str) -> str:
    """Say a text aloud to the person at this computer. Plain sentences, no Markdown."""
    with told():
        client.say(text)
    return "It was heard."


@hushd_tools.tool_plain
def ask(question: str) -> str:
    """Ask the person at this computer a question aloud, and return their spoken answer."""
    with told(), client.conversation() as talk:
        return talk.converse(question).text


@hushd_tools.tool_plain
def listen() -> str:
    """Listen at the microphone until the person pauses, and return their words."""
    with told(), client.conversation() as talk:
        return talk.listen().text


@hushd_tools.tool_plain
def transcribe(path: str) -> str:
    """Return the text of a recording or a film on this computer, with speakers, a line a sentence."""
    with told():
        return client.transcribe(path, diarize=True).render("txt")


agent = Agent(toolsets=[hushd_tools])

if __name__ == "__main__":
    print(agent.run_sync(sys.argv[2], model=sys.argv[1]).output)
