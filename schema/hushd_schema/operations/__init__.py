"""The operations, each in a module of its own: a program loads those that it asks for."""
