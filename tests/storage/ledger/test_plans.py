"""How PostgreSQL finds the rows of a group. It plans once for each connection, whatever size the tables have then."""

from storage.engine.database import Database
from tests.storage.scene import Scene

# Indexes over whole tables that are not the keys of anything: they serve lists, in the order of time.
LISTS = """
SELECT s.indexrelname, s.idx_scan FROM pg_stat_user_indexes s JOIN pg_index i USING (indexrelid)
WHERE i.indpred IS NULL AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = s.indexrelid)
"""
# Its key holds the account and the lot as well, so a look-up that took it would still read one account only.
OF_ONE_ACCOUNT = {"split_of_lot", "entry_of_lot"}
# What a refund looks up: what was redeemed for the order of that id.
OF_ONE_ORDER = {"redemption_order"}


def test_a_server_that_started_on_empty_books_looks_rows_up_by_their_keys(database: Database) -> None:
    """An empty table costs the same by any index that has what is looked for, be it in the last place. A plan that
    took such a one would read all of it for each purchase, and a new shop would be slower from minute to minute."""
    scene = Scene(database, "ada", "ben")
    with scene.another_connection() as beside:
        beside.execute("VACUUM ANALYZE")
    for number in range(3):
        for name in ("ada", "ben"):
            scene.earn(1000, name, transaction_id=f"{name}-{number}")
    scene.earn(50, card="slow", transaction_id="slow")
    scene.do(scene.correction("slow", 60))
    scene.do(scene.spending(10, pays_for="ada-0"))
    scene.do(scene.rollback(4))
    scene.do(scene.hold(20))
    scene.do(scene.capture())
    scene.do(scene.adjustment(5))
    scene.do(scene.transfer(5))
    scene.do(scene.refund("ada-1", 300))
    scene.rows("SELECT pg_stat_force_next_flush()")
    scanned = {index for index, scans in scene.rows(LISTS) if scans}
    assert scanned <= OF_ONE_ACCOUNT | OF_ONE_ORDER
    keys = dict(scene.rows("SELECT indexrelname, idx_scan FROM pg_stat_user_indexes"))
    assert keys["transaction_pkey"] > 0, "nothing is counted, so nothing was shown"
