"""Every limit of the public endpoints, each with its reason. Strangers call them, without a key."""

from storage.engine.lanes import LaneRules
from storage.engine.threads import ThreadRules
from storage.ledger.limits import HOT, HOT_ANSWER_LIMIT_S

# Requests in hand at once in one process. Most take a millisecond or two; the next is told at once to come again, for a
# phone that waits keeps a person waiting, and one that is told 503 comes again by itself.
IN_HAND_MAX = 512
# Of one address: thousands of phones behind it are answered in turn, and some that are slow take no more than that.
ADDRESS_IN_HAND_MAX = 64
# Bodies that are being read, and those of one address: most come with their headers; who sends one slowly needs no
# token for it, and must not keep those away who send none.
BODIES_MAX, ADDRESS_BODIES_MAX = 256, 16
# What it is told to wait. Phones that were woken together came together; they spread by themselves.
RETRY_AFTER_S = 5
# A request with all that it needs of the database and Google's keys; beyond, nobody waits for the answer any more.
REQUEST_MAX_S = 20.0

# Connections of one process: far more than the phones that ask at a time, below the files that a process may open.
CONNECTIONS_MAX = 800
# Of one address: a household or an office. Providers that put thousands behind one address are slowed, not shut out;
# nothing is counted of proxies that are trusted.
ADDRESS_CONNECTIONS_MAX = 64
# How long a new connection may take for TLS, and any for the headers of its next request: phones on a bad line need
# some seconds.
HANDSHAKE_MAX_S = 10.0
HEADERS_MAX_S = 15.0
# How long an idle one may go without the client taking any of what it was sent.
UNREAD_MAX_S = 15.0
# Time for the body of a request: a kilobyte or two.
BODY_MAX_S = 10.0

# A registration holds a push token; Google's callback is some 1,500 bytes, a form is empty.
REGISTRATION_BYTES_MAX = 4 << 10
FORM_BYTES_MAX = 1 << 10
# What a phone reports: some lines. More is somebody else.
LOG_BYTES_MAX = 64 << 10
LOG_LINES_MAX = 100
# Of a line that much is kept: Apple's have some 200 letters.
LOG_LINE_CHARS_MAX = 1_000

# A query is a tag of up to 19 digits, with its name. What is longer is none of ours.
QUERY_BYTES_MAX = 1_024
# Apple's ids of devices are 32 letters, its push tokens 64 hexadecimal digits; neither length is promised.
DEVICE_CHARS_MAX = 128
PUSH_TOKEN_CHARS_MAX = 512

# Requests a second from one address, and at once. Mobile providers have thousands of phones behind one, and a change of
# a template wakes all of them: two requests each.
ADDRESS_RATE, ADDRESS_BURST = 100.0, 2_000.0
# Requests that were refused (401, 404 …) from one address: nobody has reason for many. A token cannot be guessed in any
# number; this keeps who tries from costing much. Phones behind the same address that show a right one are served.
REFUSED_RATE, REFUSED_BURST = 5.0, 200.0
# What a phone asks for by its id: its list after each push, and registers some passes at once.
DEVICE_RATE, DEVICE_BURST = 2.0, 60.0
# Registrations of one pass and their ends, by whatever phones: those of a household come at once, then hardly any. Each
# that is new is a revision and pushes, the first and the last an entry in the log that stays.
PASS_RATE, PASS_BURST = 1 / 300, 40.0
# Lines of logs, from one address and from all: they are stored, and nobody has to prove anything to send them.
LOG_RATE, LOG_BURST = 1.0, LOG_LINES_MAX
ALL_LOGS_RATE, ALL_LOGS_BURST = 20.0, 1_000.0
# Addresses and phones whose rates are remembered: some 300 bytes each. Beyond, those that have not come for longest are
# forgotten, which they do not mind.
REMEMBERED_MAX = 65_536

# Addresses as they were written, of which we remember by what they are counted.
ADDRESSES_KEPT = 4_096

# Images as they are sent: the templates of one installation are some hundred, an image some 20 KB.
IMAGES_KEPT_BYTES_MAX = 64 << 20

# What phones ask most, each a few rows by key. A group of 128 keeps the loop a millisecond or two.
LISTS = LaneRules("lists", HOT, HOT_ANSWER_LIMIT_S, 128, 1_024, paced_from=4, pace_s=0.003, rush=32)
# Links, passes and images, by keys.
READER = LaneRules("passes", HOT, HOT_ANSWER_LIMIT_S, 64, 1_024)
# Registrations wait for a pass that somebody voids at the moment, and for phones that register the same.
REGISTRAR = LaneRules("phones", HOT, HOT_ANSWER_LIMIT_S, 64, 512)
# How often a registration is tried whose pass somebody else holds: half a second where nothing else comes.
PASSED_OVER_MAX = 100
# What is written behind the answers. Where the database is away for longer than this many take, some are lost: they say
# how updates arrive, and change nothing about whether they do.
RECORDER = LaneRules("deliveries", HOT, HOT_ANSWER_LIMIT_S, 256, 8_192, paced_from=4, pace_s=0.05, rush=128)
# What cards say is read in several statements by blocking code; as many cards at once as are asked for meanwhile.
CARDS = ThreadRules("cards", 2, 2, 16, 16, {}, HOT_ANSWER_LIMIT_S)
CARDS_AT_ONCE_MAX = 64
# Cards that wait to be read: half a second of them. Beyond, phones are told to come again.
CARDS_WAITING_MAX = 512
# Google's callbacks and people who want no more mails: now and then.
ACTS = ThreadRules("acts", 2, 2, 64, 64, {}, HOT_ANSWER_LIMIT_S)

# Garbage in rings is rare here; to look for it after each 700 objects would be most of what there is to do.
OBJECTS_BETWEEN_COLLECTIONS = 50_000

# A stop waits for requests in hand.
DRAIN_MAX_S = 10.0
# How often it is looked whether the certificate was replaced.
CERTIFICATE_LOOK_S = 60.0
