"""What is read of the ledger beside balances and entries: purchases, lots, holds, events, reports, explanations.

Plain functions over an open connection. Whether the caller may see the program has been checked before.
"""
