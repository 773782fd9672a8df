"""Decides whether a failure is the recording's fault or its node's, in one run over a corpus. Pure.

A sick node (its /tmp is full, a model is missing) fails fast, and so takes recording after recording. So no recording
is given up on one node's word while there are other nodes, and a node is left out once it fails at recordings that
others transcribe.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from hushd_protocol.errors import HushdError

# Errors that may be the recording's fault or the node's.
DOUBTFUL = frozenset(("input_unreadable", "poison_request", "unauthorised"))
VAIN = 50  # failures without a success after which the run stops trying other nodes
PROOFS = 2  # recordings that failed on only one node, after which that node is at fault


@dataclass(slots=True)
class Node:
    """The failures of a node since its last success; of them another node has transcribed `proofs`."""

    failed: dict[str, HushdError] = field(default_factory=dict)
    proofs: int = 0


class Nodes:
    """The nodes of a run.

    Args:
        attempts: failures after which a recording is given up.

    Attributes:
        left_out: the reasons why nodes get no more recordings, by node.
    """

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._nodes: dict[str, Node] = {}
        self._proven: set[str] = set()  # nodes that have transcribed a recording
        self._vain = 0  # failures without a success so far
        self._tries: dict[str, list[str]] = {}  # the nodes at which each recording has failed
        self.left_out: dict[str, HushdError] = {}

    def attempts(self, name: str) -> int:
        """Returns the number of a recording's failures at nodes that were not left out."""
        return len(self._tries.get(name, ()))

    def avoided(self, name: str, alive: Set[str]) -> list[str]:
        """Returns the nodes to avoid for a recording: those left out and, while there are others, those at which it
        failed."""
        tried = self.left_out.keys() | set(self._tries.get(name, ()))
        return sorted(tried if alive - tried else self.left_out.keys())

    def succeeded(self, node: str, name: str, alive: Set[str]) -> None:
        """Notes that a node has transcribed a recording, which counts against nodes that could not."""
        self._nodes.pop(node, None)
        self._tries.pop(name, None)
        self._proven.add(node)
        for other_id, seen in list(self._nodes.items()):
            if error := seen.failed.pop(name, None):
                seen.proofs += 1
                if seen.proofs >= PROOFS and alive - self.left_out.keys() - {other_id}:
                    self._leave_out(other_id, error)

    def failed(self, node: str, name: str, error: HushdError, alive: Set[str], *, is_its_own: bool = False) -> bool:
        """Notes a failure; returns whether the recording is given up.
        Raises `error`, if no node can transcribe anything because of it.

        Args:
            is_its_own: whether it is about what the recording alone names, such as its place or a model, and says
                nothing of the node.
        """
        if error.scope == "machine" and not is_its_own and node not in self.left_out:
            self._leave_out(node, error)
        if node in self.left_out:
            if not alive - self.left_out.keys():
                raise error
            return False
        if not is_its_own:
            self._nodes.setdefault(node, Node()).failed[name] = error
        tries = self._tries.setdefault(name, [])
        tries.append(node)
        if error.culprit == "client" and error.code not in DOUBTFUL:
            return True
        self._vain += 1
        enough = self._attempts if error.retryable else 1
        return len(tries) >= enough and self._believed(set(tries), alive - self.left_out.keys())

    def _believed(self, tried: Set[str], usable: Set[str]) -> bool:
        """Returns whether failures at these nodes are the recording's fault.

        They are if one of these nodes transcribes other recordings, if no other node is left, or if no node works at
        all.
        """
        if len(tried) < min(2, len(usable)):
            return False
        return bool(tried & self._proven) or tried >= usable or (not self._proven and self._vain >= VAIN)

    def _leave_out(self, node: str, error: HushdError) -> None:
        self.left_out[node] = error
        self._nodes.pop(node, None)
        for tries in self._tries.values():
            tries[:] = [other for other in tries if other != node]
