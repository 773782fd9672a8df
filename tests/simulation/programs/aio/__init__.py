"""Programs with an event loop."""
