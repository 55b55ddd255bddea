"""Accounts, lots, entries, transactions: the books in the narrow sense."""
