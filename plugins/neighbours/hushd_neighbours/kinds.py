"""The kinds of servers: how each lists its models in memory, and unloads one.

Each is written from the server's published documentation and source; README.md names the versions, and those
that have been run.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from . import language_models as llm
from . import media
from .holding import Failed, Holding
from .server import Server

_MIN_S, _MAX_S = 0.02, 0.25  # between two checks whether a model has gone


class Kind(NamedTuple):
    """A kind of server.

    Attributes:
        look: lists the models that a server holds.
        give: unloads one of them.
        ports: its usual ports; of kinds that share a port, the one with the most distinctive answers is tried first.
        wake: undoes `give` for a server that does not load its model again itself.
        lists: whether `look` shows that a model has gone.
    """

    look: Callable[[Server], list[Holding]]
    give: Callable[[Server, Holding], None]
    ports: tuple[int, ...] = ()
    wake: Callable[[Server], None] | None = None
    lists: bool = True


KINDS = {
    "ollama": Kind(llm.ollama, llm.ollama_give, (11434,)),
    "llama-swap": Kind(llm.llama_swap, llm.llama_swap_give, (8080,)),
    "localai": Kind(llm.localai, llm.localai_give, (8080,)),
    "llama-server": Kind(llm.llama_server, llm.llama_server_give, (8080, 8081)),
    "vllm": Kind(llm.vllm, llm.vllm_give, (8000,), llm.vllm_wake),
    "lmstudio": Kind(llm.lmstudio, llm.lmstudio_give, (1234,)),
    "speaches": Kind(media.speaches, media.speaches_give, (8000,)),
    "comfyui": Kind(media.comfyui, media.comfyui_give, (8188,), lists=False),
}


def kind_of(name: str) -> Kind:
    """Returns the kind of that name.

    Raises:
        Failed: for an unknown kind.
    """
    if name not in KINDS:
        raise Failed(f"There is no kind of neighbour {name!r} here: known are {', '.join(KINDS)}.")
    return KINDS[name]


def give(server: Server, kind: Kind, holding: Holding) -> None:
    """Unloads a model, and waits until the server no longer lists it.

    Raises:
        Failed: if the server does not, or not in time.
    """
    kind.give(server, holding)
    pause_s = _MIN_S
    while kind.lists and any(each.model == holding.model for each in kind.look(server)):
        if server.left_s() <= pause_s:
            raise Failed(f"The server says that it unloads {holding.model}, but still has it.")
        time.sleep(pause_s)
        pause_s = min(_MAX_S, pause_s * 2)
