"""Waiting for wake words, for programs and `hushd wake`; the worker that detects them is `hushd_worker_wake`."""
