"""Every limit of the hot path, each with its reason."""

from dataclasses import replace

from storage.engine.lanes import LaneRules

# Every statement of the hot path finds a few rows by key: plan it once, for that, whatever size the tables have now.
BY_KEY = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
# A group takes some milliseconds. One that takes seconds holds up thousands of callers: better all of them try again.
HOT_STATEMENT_MS = 4_000
HOT_ANSWER_LIMIT_S = 5.0
# What a group may wait for a key that a neighbour is writing, or a customer whom somebody changes: longer than a
# neighbour's group takes, much shorter than callers wait. It holds up the whole lane.
KEY_WAIT_MS = 100

# Three times passed over is some 20 ms: a neighbour's group would have been done.
PASSED_OVER_MAX = 3
# How long a patient lane waits for one customer's rows before it looks after the next.
PATIENCE_MS = 250
# Patient lanes, each a connection where it is needed: so many locked customers are waited for at a time.
PATIENT_LANES = 4
# A caller is told that a row was busy so long before its deadline: time for the answer to travel, and for a wait that
# has just begun to end.
BUSY_ANSWER_BEFORE_S = 0.35

# What every session on the loop has.
HOT = {**BY_KEY, "statement_timeout": str(HOT_STATEMENT_MS), "lock_timeout": str(KEY_WAIT_MS)}

# A group of 128 keeps its rows for some 15 ms, and the loop for 2 at a time. Waiting behind 4,096 takes a second. A
# group costs as much as five calls, whatever is in it: from three calls on, groups begin at most every 4 ms, unless 24
# wait (docs/measuring.md has what was tried).
WRITER = LaneRules(
    "writer",
    HOT,
    HOT_ANSWER_LIMIT_S,
    weight_max=128,
    waiting_max=4_096,
    paced_from=3,
    pace_s=0.004,
    rush=24,
)
PATIENT = LaneRules(
    "patient", {**HOT, "lock_timeout": str(PATIENCE_MS)}, HOT_ANSWER_LIMIT_S, weight_max=128, waiting_max=4_096
)
# Pages of more entries than this have a lane of their own: balances do not wait behind somebody's thousands.
SHORT_PAGE_MAX = 100
# So are more balances of one call than this, a sixth of a group; a call for many asks for so many at a time, which keep
# the loop a millisecond or two, and waits its turn for the next.
FEW_BALANCES_MAX = 20
BALANCES_AT_ONCE = 100
# A group of 128 balances, or some long pages, keeps the loop a millisecond or two. Company gathers for 3 ms at most.
READER = LaneRules(
    "reader", HOT, HOT_ANSWER_LIMIT_S, weight_max=128, waiting_max=4_096, paced_from=4, pace_s=0.003, rush=32
)
# A page of a thousand keeps the loop for 10 ms, and gRPC takes up one new call a turn of it: one page at a time, and
# not more often than leaves half of the time to others. 256 wait five seconds.
PAGES = replace(READER, name="pages", weight_max=1, waiting_max=256, paced_from=1, pace_s=0.02, rush=1_000_000)
