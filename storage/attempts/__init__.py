"""Attempts that failed, counted by all server processes together."""
