"""Codes without a check symbol: which programs have some; and shared coupons of a campaign, to be found."""

from typing import Any

# No server of before it made codes.
OLDEST_SERVER = 20

# A table of its own: the row of a program is locked by its administrators, and read by every till.
UNCHECKED = """
CREATE TABLE unchecked_codes (
    program integer     PRIMARY KEY REFERENCES program,
    since   timestamptz NOT NULL
);
"""

# A campaign has few codes for many among millions for one: their stocks change with its terms.
SHARED = "CREATE INDEX coupon_shared ON coupon (campaign, stock) WHERE stock IS NOT NULL"


def up(migrator: Any, db: Any) -> None:
    """Makes both."""
    for part in (UNCHECKED, SHARED):
        db.connection().execute(part)
