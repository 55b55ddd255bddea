"""Rewards: the catalogue, and what customers claimed of it."""
