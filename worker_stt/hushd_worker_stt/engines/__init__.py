"""The engines that come with hushd, one module each. Nothing here is imported before an engine is asked for."""
