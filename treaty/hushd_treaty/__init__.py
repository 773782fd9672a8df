"""The memory treaty's reference module, as included in hushd; docs/TREATY.md is the agreement."""
