"""Passes as they are read: where they are, what became of their updates, and what phones reported."""
