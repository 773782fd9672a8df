"""The engine piper, found by the entry point `hushd.engine_specs`, which names `spec.json`."""
