"""Every limit of the attacks, each with its reason. All load goes to loopback, and ends by itself."""

# The honest caller: a shop with a few tills. Enough calls for a p99 in some ten seconds, too few to be a load.
PROBE_PER_S = 25
# What a till waits for an answer, retries included. Who waits longer has given up.
PROBE_DEADLINE_S = 3.0
# A balancer asks this often whether the server is well, and takes it out where no answer comes in time.
HEALTH_EVERY_S = 1.0

# How long the probe runs alone before an attack: the machine is never the same twice.
ALONE_S = 4.0
# How long it is watched after an attack: what an attack leaves behind is part of it.
AFTER_S = 3.0
# How long an attack lasts, unless `--seconds` says otherwise.
ATTACK_S = 10.0
# Starts take a second or two; a busy machine may take many times that.
START_S = 60.0

# Calls whose message never comes: more than a process takes in hand, on one connection and on several.
HELD_ON_ONE, HELD_ON_MANY, MANY_CONNECTIONS = 2_300, 3_000, 20
# Idle streams: as many as a process had permits.
IDLE_STREAMS = 1_024
# What was turned away is opened again this often, and not for ever: an attack is bounded in count.
REOPEN_S = 1.0
OPENED_FACTOR_MAX = 4

# Calls that go to what somebody else has locked. More than a group of a quiet server holds.
CALLS_AT_LOCKED = 16
# Longer than any lock timeout of ours (5 s), so that one cannot pass for patience.
LOCKED_MIN_S = 10.0

# How long the database is silent: longer than its own patience with a transaction that does nothing (15 s), so that
# what a lost session had locked is free again when it comes back.
SILENT_S = 20.0
# After it, calls must succeed again this soon.
RECOVERED_S = 5.0

# Lots in the crowd's program: enough for a report or a redating to take a while, few enough to be made in a minute.
LOTS = 40_000
CROWD_CUSTOMERS = 200
# Calls for a report at once, by one auditor.
REPORTS = 200
# Redatings of the whole program at once.
REDATINGS = 2
# Tills of that program: their accounts are those that a redating holds.
REDATED_TILLS = 8

# All-or-nothing groups in hand at once, of as many items as the contract allows.
GROUPS, GROUP_ITEMS = 8, 500

# Calls with wrong keys: as many in flight as a busy client has, and an end to it where the machine is fast.
FLOOD_IN_FLIGHT, FLOOD_CONNECTIONS, FLOOD_CALLS_MAX = 64, 4, 50_000

# Clients that do not read: each a connection of its own. As many watchers as one process has permits for.
UNREAD_WATCHERS = 64
# Pages are large, and wait in the server's memory for who does not read them.
UNREAD_CONNECTIONS, UNREAD_PAGES = 8, 100
# Entries of the account whose pages they are: one page of the largest size.
PAGE_ENTRIES = 1_000

# Callers of the load under which processes are killed, and the customers they share: few, so that they meet.
TILLS, TILL_CUSTOMERS = 8, 20
# Between two kills. Shorter than a start takes at times, so that some die while they are starting.
KILL_PAUSE_MIN_S, KILL_PAUSE_MAX_S = 0.2, 2.5
# A supervisor starts again what has ended this soon.
RESTART_S = 0.3
# One attempt of a till. It then asks again with the same request id, perhaps another server.
ATTEMPT_S = 5.0
# Between two attempts.
RETRY_S = 0.1
# After this long without an outcome a call counts as lost: all parts have been up again for most of it.
OUTCOME_S = 120.0
