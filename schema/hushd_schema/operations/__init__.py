"""The operations, one module each: a program loads only those that it requests."""
