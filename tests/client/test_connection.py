"""The connection, against supervisors that are silent, wrong, dying or slow."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hushd.connection
import pytest
from conftest_types import Start
from hushd.call import Call, new_id
from hushd.connection import Connection
from hushd_protocol import __version__
from hushd_protocol.errors import HushdError
from hushd_protocol.framing import pack
from hushd_protocol.limits import CREDIT_WINDOW, MAGIC, MAX_PAYLOAD, PROTOCOL
from hushd_protocol.messages import (
    Cancel, Chunk, Control, Credit, Error, Hello, Message, Partial, Ping, Pong, Request, Result, Welcome,
)  # fmt: skip
