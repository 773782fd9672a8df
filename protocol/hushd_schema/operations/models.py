"""`pull`: a model is downloaded; the answer is a `ModelResult`."""

from typing import Annotated, TypedDict

from msgspec import Meta

from hushd_schema.operations import Field, Operation, fields
from hushd_schema.record import OfWorker


class _Pull(TypedDict):
    """Parameters of `pull`."""

    model: Annotated[str, Meta(min_length=1), Field("`ENGINE/NAME`")]
    endpoint: Annotated[str, Field("the hub's address, without a password; else `HF_ENDPOINT` of the worker", "")]
    offline: Annotated[bool, Field("true or false; else `HF_HUB_OFFLINE` of the worker")]


PULL = Operation("pull", fields(_Pull), needed=("model",))


class ModelResult(OfWorker, frozen=True, kw_only=True):
    """A model that is now installed.

    Attributes:
        model: its full name, ENGINE/NAME.
        size: its size in bytes.
        location: the folder that its files are relative to.
    """

    model: str
    size: int
    location: str
