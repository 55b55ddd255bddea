"""Passes for Apple Wallet: built, signed, pushed."""
