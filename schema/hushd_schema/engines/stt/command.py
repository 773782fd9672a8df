"""Any program that reads a WAV file and prints its transcript; each is described in a user's file."""

from __future__ import annotations

from hushd_schema.engines import EngineSpec

SPEC = EngineSpec(name="command", role="stt", engine="hushd_worker_stt.engines.command:Command", rank=20, extra="stt")
