"""`pull` and `shrink`: models are downloaded, and made smaller; the answer is a `ModelResult`."""

from __future__ import annotations

from hushd_schema.kinds import flag, text
from hushd_schema.operations import Field, Operation
from hushd_schema.record import OfWorker

_NAME = text(empty=False)

PULL = Operation(
    "pull",
    {
        "model": Field(_NAME, "`ENGINE/NAME`"),
        "endpoint": Field(text(), "the hub's address, without a password; else `HF_ENDPOINT` of the worker", ""),
        "offline": Field(flag(), "true or false; else `HF_HUB_OFFLINE` of the worker"),
    },
    needed=("model",),
)

SHRINK = Operation("shrink", {"model": Field(_NAME, "`ENGINE/NAME`, which is installed")}, needed=("model",))


class ModelResult(OfWorker, frozen=True, kw_only=True):
    """A model that is now installed.

    Attributes:
        model: its full name, ENGINE/NAME.
        size: its size in bytes.
        location: the folder that its files are relative to.
        note: what became of its int8 files, as a sentence.
    """

    model: str
    size: int
    location: str
    note: str = ""
