"""Decides whether a recording is at fault, or the node that had it, in one run over a corpus. Pure.

A sick node (its /tmp is full, a model is missing) fails fast, and so takes recording after recording. Therefore no
recording is given up for what one node says of it while there is another one, and a node is left out once it fails at
what others do.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from hushd_protocol.errors import HushdError

DOUBTFUL = frozenset(("input_unreadable", "poison_request"))  # by the recording's fault, or its node lacks something
VAIN = 50  # failures without a success, after which no node is waited for that might do better
PROOFS = 2  # recordings that failed on a node alone, after which the node is at fault


@dataclass(slots=True)
class Node:
    """One node, since its last success.

    Attributes:
        failed: what went wrong, by recording.
        proofs: how many of these another node has transcribed.
    """

    failed: dict[str, HushdError] = field(default_factory=dict)
    proofs: int = 0


class Nodes:
    """The nodes of a run, by their ids.

    Args:
        attempts: after which a recording that fails is given up.

    Attributes:
        left_out: the nodes that get no more recordings, each with the reason.
    """

    def __init__(self, attempts: int) -> None:
        self._attempts = attempts
        self._nodes: dict[str, Node] = {}
        self._proven: set[str] = set()  # that have transcribed something
        self._vain = 0  # failures in the run
        self._tries: dict[str, list[str]] = {}  # the nodes at which a recording has failed
        self.left_out: dict[str, HushdError] = {}

    def attempts(self, name: str) -> int:
        """Returns the number of times that a recording was tried in vain, by nodes that count."""
        return len(self._tries.get(name, ()))

    def avoided(self, name: str, alive: Set[str]) -> list[str]:
        """The nodes that should not get a recording: those left out and, while there are others, those it failed at."""
        tried = self.left_out.keys() | set(self._tries.get(name, ()))
        return sorted(tried if alive - tried else self.left_out.keys())

    def succeeded(self, node: str, name: str, alive: Set[str]) -> None:
        """Notes that a node has transcribed a recording, which says something of the nodes that could not."""
        self._nodes.pop(node, None)
        self._tries.pop(name, None)
        self._proven.add(node)
        for other, seen in list(self._nodes.items()):
            if error := seen.failed.pop(name, None):
                seen.proofs += 1
                if seen.proofs >= PROOFS and alive - self.left_out.keys() - {other}:
                    self._leave_out(other, error)

    def failed(self, node: str, name: str, error: HushdError, alive: Set[str]) -> bool:
        """Notes a failure; returns whether the recording is given up, and not to be tried again.

        Raises:
            HushdError: `error`, where it keeps every node from transcribing anything.
        """
        if node in self.left_out:
            return False
        if error.scope == "machine":  # whatever the recording
            self._leave_out(node, error)
            if not alive - self.left_out.keys():
                raise error
            return False
        self._nodes.setdefault(node, Node()).failed[name] = error
        tries = self._tries.setdefault(name, [])
        tries.append(node)
        if error.culprit == "client" and error.code not in DOUBTFUL:
            return True
        self._vain += 1
        enough = self._attempts if error.retryable else 1
        return len(tries) >= enough and self._believed(set(tries), alive - self.left_out.keys())

    def _believed(self, tried: Set[str], usable: Set[str]) -> bool:
        """Returns whether what these nodes say of a recording is its own fault.

        It is where one of them transcribes others, where no node is left to ask, and where nothing works anywhere.
        """
        if len(tried) < min(2, len(usable)):
            return False
        return bool(tried & self._proven) or tried >= usable or (not self._proven and self._vain >= VAIN)

    def _leave_out(self, node: str, error: HushdError) -> None:
        self.left_out[node] = error
        self._nodes.pop(node, None)
        for tries in self._tries.values():
            tries[:] = [other for other in tries if other != node]
