"""Waiting for words: what programs and `hushd wake` do; `hushd_worker_wake` beside it is the worker that hears them."""
