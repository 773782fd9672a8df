"""`pull` and `import`: models are downloaded and imported; each answers a `ModelResult`."""

from __future__ import annotations

from hushd_protocol.light_dataclass import dataclass

from hushd_schema.kinds import flag, text
from hushd_schema.operations import Field, Operation, Option
from hushd_schema.record import Record

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
IMPORT = Operation(
    "import",
    {
        "path": Field(_NAME, "an absolute path"),
        "name": Field(_NAME, "the model's name here, as NAME or ENGINE/NAME", option=Option(metavar="NAME")),
        "engine": Field(
            text(),
            "may be left out where the content shows it",
            "",
            option=Option(help="its engine; default: detected from its content", metavar="ENGINE"),
        ),
    },
    needed=("path", "name"),
)
OPERATIONS = {operation.name: operation for operation in (PULL, IMPORT)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelResult(Record):
    """A model that is now installed.

    Attributes:
        model: its full name, ENGINE/NAME.
        size: its size in bytes.
        location: the folder that its files are relative to.
    """

    model: str
    size: int
    location: str
