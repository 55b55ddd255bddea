"""Every limit of the background edge, each with its reason."""

from datetime import timedelta

# The relay.

# So many share one commit and one round trip to the broker that neither shows; few enough that their rows are held
# for less than a tenth of a second.
RELAY_BATCH = 2_000
# Longer than a queue that keeps up takes, and than RUN_LIMIT_S: then only what was lost is sent again. Sending a
# task twice costs a look at its row.
SEND_AGAIN_AFTER = timedelta(seconds=60)
# What a task waits at most until it is sent. Looking and finding none takes a millisecond.
RELAY_POLL_S = 0.1

# The broker.

# A broker that takes longer for a command, or to accept a connection, is as good as away.
BROKER_ANSWER_LIMIT_S = 5.0
BROKER_CONNECT_LIMIT_S = 2.0
# What all of a batch's messages may take, whose rows are locked meanwhile. PostgreSQL ends a transaction in which
# nothing was asked for 15 s.
BROKER_SEND_LIMIT_S = 10.0
# A connection that a firewall has dropped is noticed before it is used after this long.
BROKER_HEALTH_CHECK_S = 30
# A killed worker's messages are given to others after this long; a living one is heard of every second.
HEARTBEAT_LIMIT_MS = 15_000
# Of a million looks into a queue, those that also look for dead workers: with four looks a second, one in 5 s.
MAINTENANCE_PER_MILLION = 50_000
# How soon a broker that is away is tried again: at first at once, for most are only restarting; then seldom
# enough to be no load on it.
BROKER_RETRY_MIN_S = 0.1
BROKER_RETRY_MAX_S = 2.0

# The clock.

# Points that fall due are settled early this soon; balances are right without it.
SWEEP_SCHEDULE_S = 0.5
# Old rows pile up by the day, so an hour more does not matter.
PRUNE_SCHEDULE_S = 3_600.0
# What expired is expired by the clock; the log says so a little later.
APPROVALS_SCHEDULE_S = 15.0
# With RETENTION_EVERY and the sweep itself, what is due is gone within a day.
RETENTION_SCHEDULE_S = 3_600.0
# What is planned for a night is planned by the day before, and that is enough.
NIGHTLY_SCHEDULE_S = 3_600.0
# What an activity waits at most for its position in the stream, where no watcher gives it one before.
POSITIONS_SCHEDULE_S = 1.0
# Positions given at a time: half a second, in which no task is sent. There are so many only after a while in which
# no clock ran; each part of such a backlog looks through all of it, so small parts take longer.
POSITIONS_BATCH = 50_000
# What an activity waits at most, once it has its position, until it is found by its words.
WORDS_SCHEDULE_S = 1.0
# Activities whose words are taken at a time: some 40 ms, in which no task is sent.
WORDS_BATCH = 250
# What counts of the log are behind at most: questions add what they lack, one by one.
COUNT_SCHEDULE_S = 1.0
# Activities counted at a time: half a second at most, in which no task is sent.
COUNT_BATCH = 5_000
# What comes in this time is read again by each look for new activities: some 20 MB at full load.
TEND_SCHEDULE_S = 5.0
# What a change waits at most, once it has its position, until passes are marked; and what a mark that is due waits
# until the task that takes it is planned.
MARK_SCHEDULE_S = 0.25
# Activities of which passes are marked at a time: some 30 ms where every customer has a pass.
MARK_BATCH = 5_000
# What happens to a pass within this time is told to its phones together. A till takes a second for a purchase, its
# coupons and its points.
PASS_WINDOW = timedelta(seconds=2)
# Nobody waits longer at a till for the card to change.
PASS_WINDOW_MAX_S = 60.0
# How soon another clock takes over from one that died.
LEASE_POLL_S = 0.5

# How soon a duty that failed is done again: at first as soon as if it had not, then seldom enough that a fault that
# lasts does not keep the clock from the others.
DUTY_RETRY_MIN_S = 0.5
DUTY_RETRY_MAX_S = 15.0
# More doublings of a pause would leave every greatest pause far behind, and the range of a timedelta.
DOUBLINGS_MAX = 16

# The worker.

# A worker mostly waits for the database: a few threads keep one core busy, and each holds a connection.
THREADS_DEFAULT = 4
THREADS_MAX = 64
# Messages kept at hand for each thread, the one in work included: the next is there when one is done, and the
# few that a killed worker had are given to others after HEARTBEAT_LIMIT_MS.
PREFETCH_PER_THREAD = 2
# What an idle worker waits at most until it looks into its queue again.
WORKER_POLL_MS = 250
# What one message may take before the rest of its task is handed back, so that other tasks get their turn. Single
# statements have limits of their own (storage/engine/database.py).
RUN_LIMIT_S = 20.0
# How long a stopping worker waits for the step in hand; within the 30 s that orchestrators give by default.
STOP_LIMIT_S = 25.0
# How soon a database that is away is tried again.
STORAGE_RETRY_MIN_S = 0.1
STORAGE_RETRY_MAX_S = 2.0
# A library that repeats a line more often than this is heard once.
REPEATED_LINE_S = 60.0

# What it may take to record what was done outside the database, while that is nobody else's to do. PostgreSQL waits
# 2 s for a row, and is asked again.
RECORD_LIMIT_S = 10.0
# How soon a server outside that is away is tried again, by one task in its process: soon where it only restarts, and
# while that lasts, no later than somebody who has mended it likes to wait.
GATE_RETRY_MIN_S = 5.0
GATE_RETRY_MAX_S = 300.0

# The actors.

# Accounts settled in one transaction. Calls about one of them are passed over for as long, about 50 ms; larger batches
# settle hardly more accounts a second.
SWEEP_BATCH = 200
# A failed sweep is planned anew by the clock while anything is due; so giving up early loses nothing.
SWEEP_ATTEMPTS_MAX = 6
SWEEP_RETRY_MIN = timedelta(seconds=1)
SWEEP_RETRY_MAX = timedelta(minutes=5)
# What lasts a day meets restarts and locks, and each is one attempt; a fault that lasts is given up after some eight
# hours, in which somebody may mend it. Then the operation has failed, and is asked for again.
OPERATION_ATTEMPTS_MAX = 100
OPERATION_RETRY_MIN = timedelta(seconds=1)
OPERATION_RETRY_MAX = timedelta(minutes=5)
# Bytes of an export's file that one step reads where another worker wrote them: a third of a second, for the digest.
EXPORT_HASHED_BYTES = 128 << 20
# How soon an export is looked at again by workers that have no folder for it.
EXPORT_UNSET_PAUSE = timedelta(minutes=1)
# Rows removed in one transaction: a few milliseconds of locks and log.
PRUNE_BATCH = 1_000
# A few days of finished tasks, to look into what happened over a weekend.
TASK_RETENTION = timedelta(days=4)
# Requests for approval of which it is noted in one transaction that they have expired: some 100 ms.
APPROVALS_BATCH = 100
# The next look plans it again.
APPROVALS_ATTEMPTS_MAX = 4
APPROVALS_RETRY_MIN = timedelta(seconds=5)
APPROVALS_RETRY_MAX = timedelta(minutes=5)
# The next hour's prune does what this one could not.
PRUNE_ATTEMPTS_MAX = 4
PRUNE_RETRY_MIN = timedelta(seconds=5)
PRUNE_RETRY_MAX = timedelta(minutes=5)

# What falls due of a program is announced and dropped twice a day: each time leaves two entries in the log for ever.
RETENTION_EVERY = timedelta(hours=12)
# Activities looked at for one announcement: a few tenths of a second where they come from the disk. The first sweep of
# a log of ten million makes some two hundred announcements.
RETENTION_ANNOUNCED_MAX = 50_000
# Activities looked at, and at most dropped, in one transaction: some 35 ms, and a tenth of a second from a cold disk.
RETENTION_BATCH = 1_000
# The next hour's sweep goes on where this one was given up.
RETENTION_ATTEMPTS_MAX = 6
RETENTION_RETRY_MIN = timedelta(seconds=5)
RETENTION_RETRY_MAX = timedelta(minutes=5)

# Cards.

# Passes refreshed in one transaction: 30 ms, for which other refreshes wait, and phones that are handed one of them.
REFRESH_BATCH = 200
# Passes of a changed template marked in one transaction: their pushes are done within some ten seconds, for which what
# a customer does meanwhile may wait.
REMARK_BATCH = 100
# A failed refresh is planned anew by the clock while any mark is due.
REFRESH_ATTEMPTS_MAX = 6
REFRESH_RETRY_MIN = timedelta(seconds=1)
REFRESH_RETRY_MAX = timedelta(minutes=5)

# Mail.

# All of one mail, from the name of the server to its last answer: a worker that stops waits for it (STOP_LIMIT_S).
# Servers take a second or two; one that looks at a mail for longer than this is sent it again, later.
MAIL_LIMIT_S = 20.0
# One address of the server, of which there may be several.
MAIL_CONNECT_LIMIT_S = 5.0
# One answer before the mail itself.
MAIL_ANSWER_LIMIT_S = 10.0
# The farewell, when the mail is taken.
MAIL_QUIT_LIMIT_S = 2.0
# A server that says "later" means minutes (greylisting), a full mailbox is emptied within days: three days in all.
MAIL_ATTEMPTS_MAX = 26
MAIL_RETRY_MIN = timedelta(minutes=1)
MAIL_RETRY_MAX = timedelta(hours=4)
# Each time that a worker dies with a mail in hand, it may have been sent. So many dead workers in a row are the mail's
# doing, and more copies of it nobody's wish.
MAIL_BEGUN_MAX = 5
# How soon a mail is looked at again where no mail server is set, or what its card needs: by the next look after
# somebody has set it.
MAIL_UNSET_PAUSE = timedelta(minutes=5)
# Images of cards that a worker has at hand: those of some ten templates, at the most that each may have.
MAIL_IMAGES_KEPT_BYTES = 16 << 20

# Pushes.

# All pushes of one pass, of which most are in one phone: a worker that stops waits for it (STOP_LIMIT_S).
PUSH_LIMIT_S = 20.0
# What one push may still take when it is begun: connecting, and all its tries (wallet/apple/apns.py).
PUSH_ONE_LIMIT_S = 10.0
# What fails here is our own doing, as the tries of a push are counted apart; a look at the pass mends most of it.
PUSH_ATTEMPTS_MAX = 10
# Each time a worker dies with it in hand, the phones may have been told; to be told twice costs them nothing.
PUSH_BEGUN_MAX = 10
# Apple that says "later" means seconds, or a minute for one phone; what is not taken in a day, the nightly look at all
# phones brings up again.
PUSH_TRIES_MAX = 14
PUSH_RETRY_MIN = timedelta(seconds=5)
PUSH_RETRY_MAX = timedelta(hours=4)
# How soon a push is looked at again where this process has no account for it: others may.
PUSH_UNSET_PAUSE = timedelta(minutes=5)
# How often one push is let through where they are stopped: whoever has mended it waits no longer than that.
PROBE_EVERY = timedelta(minutes=5)

# How soon a card is looked at again at which another worker is: Google answers within a second, mostly.
PUSH_BUSY_PAUSE = timedelta(seconds=0.5)
# How soon a card looks again for a turn at Google where none is near: within seconds while its change is new.
PUSH_TURN_MIN = timedelta(seconds=1)
# A million cards that wait look two thousand times a second, a millisecond each; and when all but a few are sent, these
# find out that soon.
PUSH_TURN_MAX = timedelta(minutes=10)

# In the night of most programs, in which little else is done; their cards are looked at within minutes for 100,000.
RECONCILE_HOUR = 2
# Cards of one page: some tens of milliseconds.
RECONCILE_BATCH = 500
# A phone that was told of a revision for so long, and has not fetched it, is told again: once a night.
RECONCILE_SINCE = timedelta(hours=12)
# A page that fails keeps those behind it waiting; the next night begins anew.
RECONCILE_ATTEMPTS_MAX = 6
RECONCILE_RETRY_MIN = timedelta(seconds=5)
RECONCILE_RETRY_MAX = timedelta(minutes=5)
# Before people come to work: they find it in the log.
CERTIFICATES_HOUR = 5
CERTIFICATES_ATTEMPTS_MAX = 4
CERTIFICATES_RETRY_MIN = timedelta(minutes=1)
CERTIFICATES_RETRY_MAX = timedelta(minutes=30)
