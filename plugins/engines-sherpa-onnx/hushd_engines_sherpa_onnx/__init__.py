"""The engine sherpa-onnx, found by the entry point `hushd.engine_specs`, which names `spec.json`."""
