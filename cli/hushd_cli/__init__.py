"""The commands `hushd`, `say` and `listen` in a terminal."""
