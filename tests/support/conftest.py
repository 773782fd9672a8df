"""Fixtures: short folders, and a stand-in for the supervisor's end of a worker's socket."""

from __future__ import annotations

from support.worker_peer import all_die_within, folder, start

__all__ = ["all_die_within", "folder", "start"]
