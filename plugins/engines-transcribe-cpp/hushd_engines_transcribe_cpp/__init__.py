"""The engine transcribe-cpp, found by the entry point `hushd.engine_specs`, which names `spec.json`."""
