"""Every limit of the gRPC edge, each with its reason."""

# What a request may weigh. An ingest message of 500 purchases of some 30 lines each stays below it.
REQUEST_BYTES_MAX = 4 << 20
# What a response may weigh: 1000 entries with their allocations.
RESPONSE_BYTES_MAX = 8 << 20
# Names, keys and trace ids fit; a header bomb does not.
METADATA_BYTES_MAX = 16 << 10

# Rows of a page. The default fits a screen; the most keeps one call from holding a thread for long.
PAGE_SIZE_DEFAULT = 50
PAGE_SIZE_MAX = 1000

# Calls in hand at once in one process. At 5 ms a call, waiting behind this many costs a caller some 100 ms;
# beyond, an early "no" serves everybody better than a late answer.
CALLS_MAX = 1024
# What a caller that was turned away is told to wait: about the time in which the calls in hand are served.
PUSHBACK_MS = 200
# Ingest messages of one stream in hand at once: one being written, one being read, and one in between.
STREAM_WINDOW = 3

# Objects made before Python looks for cycles among them. Calls make thousands that need no looking; what the program
# itself is made of is set aside when it starts.
OBJECTS_BETWEEN_COLLECTIONS = 50_000

# Instants that a request may name, in seconds since 1970: from then until 2200. The longest pending and the longest
# expiry end long before the last day that the calendar knows, and a zero or a number of milliseconds is found out.
INSTANT_MIN_S = 0
INSTANT_MAX_S = 7_258_118_400

# The longest anybody waits for one answer, and what a call without a deadline gets.
DEADLINE_MAX_S = 30.0

# How long a key is believed without asking the database again. A revoked key lives this much longer.
KEY_BELIEVED_S = 5.0
# Keys remembered at once, right and wrong ones: beyond, all are asked again. 10,000 are a few megabytes.
KEYS_REMEMBERED_MAX = 10_000

# Field violations shown. Error details travel in trailers, of which clients take 8 KiB.
VIOLATIONS_SHOWN_MAX = 20
# Characters of one violation's sentence, for the same reason.
VIOLATION_CHARS_MAX = 200

# Records of nobody's failed calls that one source may cause in a minute; more are counted, not written one by one,
# so that the log cannot be used to fill the disk.
ANONYMOUS_RECORDS_PER_MIN = 20
# Sources told apart in a minute; of more, nothing is recorded until the next.
ANONYMOUS_SOURCES_MAX = 1_000

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

# Watchers of the activity log in one process. Each asks the database some times a second, on threads that others need.
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
# Activities placed by one look of a watcher: half a second of one thread. There are so many only after a while in which
# neither a clock nor a watcher ran; each part of such a backlog looks through all of it, so small parts take longer.
WATCH_PLACES_MAX = 50_000
