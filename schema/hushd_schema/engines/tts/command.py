"""Any program that reads text and produces speech; each is described in a user's file."""

from __future__ import annotations

from hushd_schema.engines import EngineSpec

SPEC = EngineSpec(name="command", role="tts", engine="hushd_worker_tts.engines.command:Command", rank=60, extra="tts")
