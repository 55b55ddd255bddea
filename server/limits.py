"""Every limit of the gRPC edge, each with its reason."""

from rules.limiting import Rule
from rules.rates import RateClass

# What a request may weigh. An ingest message of 500 purchases of some 30 lines each stays below it.
REQUEST_BYTES_MAX = 4 << 20
# What a response may weigh: 1000 entries with their allocations.
RESPONSE_BYTES_MAX = 8 << 20
# Names, keys and trace ids fit; a header bomb does not. gRPC is told it too, and lets through what comes in many frames
# (1.85): so each call is weighed, before it waits for anything.
METADATA_BYTES_MAX = 16 << 10

# Rows of a page. The default fits a screen; the most keeps one call from holding a thread for long.
PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1000

# Calls in hand at once in one process. At 5 ms a call, waiting behind this many costs a caller some 100 ms;
# beyond, an early "no" serves everybody better than a late answer. A caller alone gets half (server/admission.py).
CALLS_MAX = 1024
# What a caller that was turned away is told to wait: about the time in which the calls in hand are served.
PUSHBACK_MS = 200

# How long a call's message may be on its way once the call is there: 4 MiB on a line of 4 Mbit/s.
MESSAGE_WAIT_MAX_S = 10.0
# Calls of one process whose message has not come: some 12 kB each, so 50 MB. Many times what honest clients have on
# their way at once: theirs come with the call.
MESSAGES_AWAITED_MAX = 4096
# How often we look who has waited for too long.
WAITING_LOOK_S = 1.0
# Open calls of health and reflection, which need no key, and how long one may be open. Balancers watch health all along
# and begin anew by themselves.
PUBLIC_CALLS_MAX = 1024
PUBLIC_CALL_MAX_S = 600.0

# Calls of one connection at once; clients queue further ones by themselves. A busy service has some hundred in flight
# on one channel; and one connection is no more than a quarter of CALLS_MAX.
CONNECTION_CALLS_MAX = 256
# Calls that arrived and that our event loop has not seen yet; beyond, gRPC turns some away by itself, at twice as many
# all, and no figure of ours shows it. So it is high: half a second of the loop's time.
CALLS_PENDING_MAX = 4096
# Connections of one process. Below the 1,024 files that many systems allow a process, so that those to PostgreSQL can
# still be opened.
CONNECTIONS_MAX = 800
# A connection without a call for so long is closed; clients open another with their next call, in a millisecond.
CONNECTION_IDLE_MAX_MS = 300_000
# The time for a new connection to say that it speaks HTTP/2.
HANDSHAKE_MAX_MS = 10_000

# Streams of postings open in one process; a caller alone gets half. One or two fill a writer: this many are for many
# callers, not for speed. With STREAM_WINDOW they have at most half of CALLS_MAX in hand.
INGEST_STREAMS_MAX = 128
# Ingest messages of one stream that wait for their answers: one being written, and those behind it; one more is read.
STREAM_WINDOW = 3
# Refused items of one stream that are recorded at once; each costs as much as a refused call. All INGEST_STREAMS_MAX
# then fill half of the recorder's lane (storage/books.py): no call goes unrecorded for streams. And how long a stream
# waits before it tries again where calls have filled it.
STREAM_RECORDS_MAX = 16
STREAM_RECORDS_PAUSE_S = 0.05
# A stream that brings no message, or does not take its answer, for so long is ended: whoever opened it is gone, or can
# open another.
STREAM_IDLE_MAX_S = 300.0
# What a caller with a stream too many is told to wait. Streams last for minutes.
STREAM_PUSHBACK_MS = 5_000

# Objects made before Python looks for cycles among them. Calls make thousands that need no looking; what the program
# itself is made of is set aside when it starts.
OBJECTS_BETWEEN_COLLECTIONS = 50_000

# Instants that a request may name, in seconds since 1970: from then until 2200. The longest pending and the longest
# expiry end long before the last day that the calendar knows, and a zero or a number of milliseconds is found out.
INSTANT_MIN_S = 0
INSTANT_MAX_S = 7_258_118_400

# The longest anybody waits for one answer, and what a call without a deadline gets.
DEADLINE_MAX_S = 30.0

# What whoever gives the last approval waits at most to hear what became of the act, which goes on behind that.
APPROVED_WAIT_S = 10.0
# How soon what was approved is found by another server, where the one that had it in hand died; and how many at once.
APPROVED_LOOK_S = 5.0
APPROVED_BATCH = 16

# How long a key is believed without asking the database again. A revoked key lives this much longer.
KEY_BELIEVED_S = 5.0
# When a key that is in use is asked again, while the old answer still holds: seconds before the books are missed.
KEY_ASKED_AGAIN_S = 2.0
# Keys remembered at once, right and wrong ones: beyond, all are asked again. 10,000 are a few megabytes.
KEYS_REMEMBERED_MAX = 10_000

# Field violations shown. Error details travel in trailers, of which clients take 8 KiB, and there four characters are
# sent for three.
VIOLATIONS_SHOWN_MAX = 20
# Characters of all their fields and sentences, for the same reason, and of one sentence.
VIOLATIONS_CHARS_MAX = 4_000
VIOLATION_CHARS_MAX = 400

# Records of equal failures (one caller, method, reason and subject; of strangers one address and reason) in a period;
# more are counted and share a record, so that the log cannot be used to fill the disk.
EQUAL_FAILURES_MAX = 20
FLOOD_PERIOD_S = 60.0
# Addresses of strangers told apart in a period; more share one record.
ANONYMOUS_SOURCES_MAX = 1_000
# Failures told apart in a period, some 500 bytes each; of callers with a key more are recorded one by one.
FAILURE_SOURCES_MAX = 10_000

# How often the books are asked to take what was recorded beside them while they were away, and how many at once.
SPOOL_RETRY_S = 2.0
SPOOL_RECORDS_MAX = 100
# Records that are kept in memory where they can be written nowhere. Meanwhile hardly any call is done.
UNWRITTEN_MAX = 1_000

# From SIGTERM: the time in which balancers notice, then the time that calls in hand get. Longer than DEADLINE_MAX_S
# would be politer and is pointless: callers retry with the same request_id.
DRAIN_NOTICE_S = 0.2
DRAIN_GRACE_S = 10.0

# Pings: a client may ask every 20 s whether we live (ours ask every 60); connections are renewed after half an hour,
# so that new processes behind a balancer get their share.
KEEPALIVE_TIME_MS = 120_000
KEEPALIVE_TIMEOUT_MS = 20_000
PING_INTERVAL_MIN_MS = 20_000
CONNECTION_AGE_MAX_MS = 1_800_000
CONNECTION_AGE_GRACE_MS = 30_000

# A lane to the database that answered nothing for so long while work waits has hung: it is twice what anybody's call
# waits, and what a statement may take. /livez says so; a restart then costs nobody an answer.
LANE_STALLED_MAX_S = 60.0

# How often it is looked whether the certificate was replaced where nobody connects, and how often its end is said.
CERTIFICATE_LOOK_S = 60.0
CERTIFICATE_SAID_S = 86_400.0

# /readyz calls this process itself: how long it waits for the answer, a thousand times what one takes; and how long the
# answer is good for, so that whoever asks more often costs no more.
READY_ANSWER_MAX_S = 2.0
READY_BELIEVED_S = 1.0

# Watchers of the activity log in one process; a caller alone gets half. Each asks the database some times a second, on
# threads that others need.
WATCHERS_MAX = 64
# How often a watcher looks for what is new; twice as long after each look that finds nothing, up to the most.
WATCH_POLL_S = 0.25
WATCH_POLL_MAX_S = 1.0
# Activities of one message of a stream, and their bytes: clients take 4 MiB unless they are told otherwise, and one
# activity more may weigh some hundred kilobytes.
WATCH_ACTIVITIES_MAX = 500
WATCH_BYTES_MAX = 1 << 20
# A watcher that hears nothing for longer may know that the connection is gone; balancers cut what is quiet for a
# minute.
WATCH_HEARTBEAT_S = 15.0
# A stream ends after this long, and its watcher resumes by its cursor: wherever a balancer sends it. Before its
# connection is old enough to be closed under it (CONNECTION_AGE_MAX_MS).
WATCH_MAX_S = 1_500.0
# Positions given by one look of a watcher: half a second of one thread. There are so many only after a while in which
# neither a clock nor a watcher ran; each part of such a backlog looks through all of it, so small parts take longer.
WATCH_POSITIONS_MAX = 50_000

# Entries of the log that one page looks through: where each must be asked what its body says, that is 0.2 s of one
# thread. Where few match a page is short, and the next goes on.
LOG_LOOKED_MAX = 20_000
# Matching entries that a total counts: whoever sees more than so many narrows the question down. And how many are
# looked through for it, a second of one thread at worst, which somebody who did not ask for a total need not wait for.
LOG_COUNTED_MAX = 10_000
LOG_COUNT_LOOKED_MAX = 100_000
# Words of a text that is looked for: each is one more to be read for every block of the log. Sentences have some dozen.
TEXT_WORDS_MAX = 16
# Bars of a trend: a hundred days by the hour, six years by the day; more are on no screen, and an answer of 200 kB.
ANALYSIS_BARS_MAX = 2_400
# Entries looked through where nothing is counted ahead: as for a total. Of each that has its subject in its body only,
# the body is read.
ANALYSIS_LOOKED_MAX = LOG_COUNT_LOOKED_MAX
# Actors and subjects, where nobody says how many: a short table.
ANALYSIS_RANKS_DEFAULT = 10
# What is shown beside an activity of the same request: a merge, the largest, has some dozens. What a request did is
# recorded at one instant, and a repetition of it follows soon; of a busy program so many entries are looked through
# before it and after it, which is some milliseconds.
SAME_REQUEST_MAX = 100
SAME_REQUEST_WITHIN_S = 60
SAME_REQUEST_LOOKED_MAX = 2_000

# Exports of the log open in one process; a caller alone gets half. Each keeps one thread of the lists busy for as long
# as it goes on, page after page.
EXPORTS_MAX = 8
# Entries of one page of an export, some 40 ms of a thread: others' lists come in between. With entries of 100 kB, the
# largest, it is 100 MB.
EXPORT_ROWS = 1_000
# From where on a message of an export ends with its line. Clients take 4 MiB; a smaller one would cost more for each.
EXPORT_PIECE_BYTES = 128 << 10
# An export ends after this long, for the reasons of WATCH_MAX_S, and is resumed.
EXPORT_MAX_S = 1_500.0
# Streams that together make one file: each is named, with its digest, in every token.
EXPORT_PARTS_MAX = 100

# Codes of one page of an export, some 60 ms of a thread and a message of 150 kB.
CODES_EXPORT_ROWS = 2_000
# Imports of codes open in one process; a caller alone gets half. Each keeps a thread busy for as long as it goes on.
IMPORTS_MAX = 8
# A piece of a file: with it a message is a quarter of what it may weigh, and an import holds no more than one.
IMPORT_PIECE_BYTES_MAX = 1 << 20
# Bytes of a file that one transaction takes in: some 4,000 codes, a fifth of a second of the lane's thread.
IMPORT_STAGED_BYTES = 64 << 10
# A file: as many codes as one generation makes, with whose they are, and room for what people put around them.
IMPORT_BYTES_MAX = 2 << 30
IMPORT_LINES_MAX = 10_000_000
# How often the caller hears how far it is: as often as a bar on a screen moves smoothly enough.
IMPORT_PROGRESS_S = 0.25
# An import ends after this long, for the reasons of WATCH_MAX_S. Ten million codes take a third of it or, on a busy
# machine, a half.
IMPORT_MAX_S = 1_500.0

# Look-ups of coupon codes that failed, a minute. What fails is a code that is unknown, another's, voided or expired; a
# success counts nowhere, and neither does a code whose check symbol is wrong, where all of a program's have one: 29 of
# 30 typos end there, and whoever guesses computes it. Backends and administrators send what all their customers type,
# and nobody but they can tell these apart. So they have limits of their own, which no storefront uses up: ten failures
# a second, several times what the typos and expired leaflets of a large shop come to; a stolen key tries 600 of 30^12
# codes a minute.
CODES_OF_BACKEND = Rule("coupon_codes", "caller", 600, 60)
# Of all of a program's backends together: of five that are at their limit at once.
CODES_OF_BACKENDS_IN_PROGRAM = Rule("coupon_codes", "program", 3_000, 60)
# Storefronts and all others: their key may lie in an app that anybody takes apart. A person types a code or two; thirty
# leaves room for those who share the address of a shop, an office or a mobile network.
CODES_FROM_ADDRESS = Rule("coupon_codes", "address", 30, 60)
# Ten addresses at their limit: whoever has those shuts out the other customers of that storefront, for about as long as
# it goes on. Half of what the program allows, so that one storefront does not shut out another.
CODES_OF_CALLER = Rule("coupon_codes", "caller", 300, 60)
# Whoever guesses from many addresses, with keys of several storefronts.
CODES_IN_PROGRAM = Rule("coupon_codes", "program", 600, 60)

# Passwords that were wrong, of an account and from an address. Ten in ten minutes are more than a person's typos, and
# fewer than 1,500 a day: of passwords that are not guessed first none is found by that. An office, or a mobile network,
# shares an address.
LOGINS_OF_ACCOUNT = Rule("logins", "account", 10, 600)
LOGINS_FROM_ADDRESS = Rule("logins", "address", 30, 600)
# Codes that were wrong, and passwords that who is in types again: of a user, whatever challenge they were tried of.
# Three of a million codes are right at a time: whoever knows the password needs half a year for an even chance.
CODES_OF_USER = Rule("login_codes", "user", 10, 600)
# Mails with a token to set the password again: each counts, whether there is such an address or not.
RESETS_OF_ACCOUNT = Rule("password_resets", "account", 3, 3_600)
RESETS_FROM_ADDRESS = Rule("password_resets", "address", 20, 3_600)

# Passwords that are hashed at once in one process, each for some 20 ms of a processor and in 19 MiB. One thread lets in
# some twenty users a second; two would take a whole host of two processors from the tills.
PASSWORD_THREADS = 1
# How far it stands back for all others of the host: with nothing else to do it has a whole processor, beside calls of
# tills a tenth of one.
PASSWORD_NICE = 10
# And rests after each hash for as long as that took: priority divides processors, not what they share (memory, caches),
# and a flood of logins takes half of one thread at most.
PASSWORD_REST = 1.0
# Passwords in hand, with those that wait: a second or two. Beyond, an early "no" serves better than a wait behind so
# many; and what a caller that was turned away is told to wait.
PASSWORDS_IN_HAND_MAX = 32
PASSWORD_PUSHBACK_MS = 1_000

# Calls a minute of one caller over all processes, where it has no limits of its own. They are no quota: permits share a
# busy server out (CALLS_MAX), and whoever wants a service to have less says so for that one. They end a loop that ran
# wild over many processes, which the others would only see as a bill. One process answers some 5,000 calls a second: a
# load generator has a server of four to itself. A minute's worth may come at once.
READS = Rule(RateClass.READ.value, "caller", 1_200_000, 60)
# Calls, and items of streams, of which a process takes some 20,000 a second.
WRITES = Rule(RateClass.WRITE.value, "caller", 6_000_000, 60)
# Reports, exports, reads of the log, and what begins an operation: a hundred a second is more than the threads for them
# do, and hundreds of times what people at screens ask for; a night's job that pages through the log gets there.
HEAVY_CALLS = Rule(RateClass.HEAVY.value, "caller", 30_000, 60)
# Calls without credentials or with wrong ones, from one address: log-ins of an office whose staff begin their day,
# which are two calls each. What fails among them has limits of its own, and lower ones.
CALLS_OF_STRANGERS = Rule(RateClass.AUTH.value, "address", 600, 60)

# How often server processes tell each other what failed, and who called how often. Until then each knows its own: over
# N of them a burst may have N times the limit, from whoever is fast enough to use it up in this time.
ATTEMPTS_EXCHANGE_S = 1.0
# Keys of one exchange, two windows each: some 10 ms of one connection. Those with something new come first, the others
# when these are told.
ATTEMPTS_EXCHANGED_MAX = 500
# Keys that one process counts under one rule, some 700 bytes each: 7 MB. Beyond, the one counted longest ago is
# forgotten: nobody gets that far under a rule with others beside it, which close first.
ATTEMPT_KEYS_MAX = 10_000

# How long it is taken for granted that a program has no codes without a check symbol. The first such code can be
# refused for so long as mistyped.
CHECK_SYMBOLS_KNOWN_S = 1.0
# Programs of which that is remembered: some hundred bytes each.
PROGRAMS_REMEMBERED_MAX = 10_000
