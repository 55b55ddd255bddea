"""Passes: what a card in a phone shows, and which designs of it are possible."""
