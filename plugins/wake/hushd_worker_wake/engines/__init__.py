"""The wake-word engines, a module each."""
