"""Attempts that failed, and calls, counted by all server processes together."""
