"""Gives an agent of LangChain a voice and ears: tools to speak, to ask aloud, to listen and to read recordings.

    pip install 'hushd[default]' langchain langchain-openai          # or another package of models
    python langchain_tools.py openai:gpt-5-mini "Ask me how my day was, and sum up what I say."

In a program of your own: `from langchain_tools import TOOLS`. The microphone is held only while a tool listens.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import hushd
from langchain_core.tools import BaseTool, ToolException, tool

client = hushd.Client(holder="langchain")


@contextmanager
def told() -> Iterator[None]:
    """Reports a tool's failure to the model in a sentence, so that the agent continues."""
    try:
        yield
    except hushd.HushdError as error:
        raise ToolException(str(error)) from error


@tool
def speak(text: str) -> str:
    """Say a text aloud to the person at this computer. Plain sentences, no Markdown."""
    with told():
        client.say(text)
    return "It was heard."


@tool
def ask(question: str) -> str:
    """Ask the person at this computer a question aloud, and return their spoken answer."""
    with told(), client.conversation() as talk:
        return talk.converse(question).text


@tool
def listen() -> str:
    """Listen at the microphone until the person pauses, and return their words."""
    with told(), client.conversation() as talk:
        return talk.listen().text


@tool
def transcribe(path: str) -> str:
    """Return the text of a recording or a film on this computer, with speakers, a line a sentence."""
    with told():
        return client.transcribe(path, diarize=True).render("txt")


TOOLS: list[BaseTool] = [speak, ask, listen, transcribe]
for each in TOOLS:
    each.handle_tool_error = True


def main() -> None:
    from langchain.agents import create_agent

    agent = create_agent(sys.argv[1], TOOLS)
    print(agent.invoke({"messages": [("user", sys.argv[2])]})["messages"][-1].content)


if __name__ == "__main__":
    main()
