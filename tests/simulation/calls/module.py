"""A module that is another one but for some of its names."""

from __future__ import annotations

from types import ModuleType
from typing import Any


class Module(ModuleType):
    """A module that is another one but for what it was given."""

    def __init__(self, name: str, real_module: ModuleType, **own: Any) -> None:
        super().__init__(name)
        self.__dict__.update(own)
        self.__dict__["_real"] = real_module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_real"], name)
