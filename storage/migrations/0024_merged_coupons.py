"""What merges moved besides points and purchases: coupons, what was redeemed of them, rewards that were claimed."""

from typing import Any

# Older servers would merge customers without their coupons.
OLDEST_SERVER = 24

# `state` is the one it was in, where it has one: what was used since is told by it.
BELONGINGS = """
CREATE TABLE merge_belonging (
    activity uuid NOT NULL REFERENCES customer_merge,
    noun     text NOT NULL CHECK (noun IN ('COUPON', 'REDEMPTION', 'CLAIM')),
    id       uuid NOT NULL,
    state    text,
    PRIMARY KEY (activity, noun, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON merge_belonging
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE merge_belonging ENABLE ALWAYS TRIGGER append_only;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes their table, and its guard."""
    db.connection().execute(BELONGINGS)
