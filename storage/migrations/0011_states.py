"""Customers can be blocked and closed; their accounts are as they are, and hold nothing once they are closed."""

from typing import Any

# Whoever knows fewer states cannot read such a customer, nor its accounts.
OLDEST_SERVER = 11

CUSTOMERS = """
ALTER TABLE customer DROP CONSTRAINT customer_state_check,
    ADD CONSTRAINT customer_state_check CHECK (state IN ('ACTIVE', 'SUSPENDED', 'BLOCKED', 'CLOSED', 'MERGED'));
"""

ACCOUNTS = """
ALTER TABLE account DROP CONSTRAINT account_state_check,
    ADD CONSTRAINT account_state_check CHECK (state IN ('OPEN', 'SUSPENDED', 'BLOCKED', 'CLOSED', 'MERGED')),
    ADD CONSTRAINT closed_holds_nothing CHECK (state <> 'CLOSED' OR (active = 0 AND pending = 0));
"""


def up(migrator: Any, db: Any) -> None:
    """Widens what states there are."""
    for part in (CUSTOMERS, ACCOUNTS):
        db.connection().execute(part)
