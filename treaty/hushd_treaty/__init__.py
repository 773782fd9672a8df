"""The memory treaty's reference module, carried along for hushd; docs/TREATY.md is the agreement."""
