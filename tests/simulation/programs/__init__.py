"""Programs that run inside a simulation, where `os`, `time` and the rest are the world's."""
