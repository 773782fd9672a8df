"""A program that changes a dictation before it is written; its output is refused if it differs too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from hushd_protocol.errors import HushdError

from hushd_desktop import program

WITHIN_S = 15.0  # by default, since the user waits for the text
KEEP = 0.5
_FEW_WORDS = 8  # up to which texts are compared by letters instead of words


@dataclass(frozen=True, slots=True)
class TextFilter:
    """A filter program: reads the text on standard input, and prints the text to write.

    Args:
        within_s: its time limit in seconds.
        keep: the share of the text that must stay, 0 to 1; 0 for a filter that translates or answers.
    """

    command: Sequence[str]
    within_s: float = WITHIN_S
    keep: float = KEEP

    def __call__(self, text: str) -> str:
        """Returns the changed text.

        Raises:
            HushdError: `output_failed` if the program fails, takes too long, prints nothing, or changes too much.
        """
        name = self.command[0]
        changed = self._run(text).decode(errors="replace").strip("\n")
        if not changed.strip():
            raise HushdError("output_failed", f"{name} printed no text.")
        if (share := common(text, changed)) < self.keep:
            raise HushdError(
                "output_failed",
                f"{name} kept {share:.0%} of the text, less than the {self.keep:.0%} that its profile's keep asks for.",
            )
        return changed

    def _run(self, text: str) -> bytes:
        name = self.command[0]
        try:
            printed, status = program.run(self.command, self.within_s, text.encode())
        except TimeoutError as error:
            raise HushdError("output_failed", f"{name} took longer than {self.within_s:g} s.") from error
        except OverflowError as error:
            raise HushdError("output_failed", f"{name} printed more than a megabyte.") from error
        except OSError as error:
            raise HushdError("output_failed", f"{name} failed ({error.strerror}).") from error
        if status:
            raise HushdError("output_failed", f"{name} failed with exit code {status}.")
        return printed


def common(before: str, after: str) -> float:
    """Returns the share of words that two texts have in common, 0 to 1, regardless of case, marks and order."""
    first, second = before.casefold().split(), after.casefold().split()
    first, second = (list(filter(None, (word.strip(".,;:!?…\"'“”‘’()") for word in each))) for each in (first, second))
    if max(len(first), len(second)) < _FEW_WORDS:
        return SequenceMatcher(None, "".join(first), "".join(second), autojunk=False).ratio()
    return 2 * (Counter(first) & Counter(second)).total() / (len(first) + len(second))
