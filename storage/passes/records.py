"""What the books keep of passes, each noun once."""

from storage.engine.records import Record

# The key of the installation, wrapped under its personal key (storage/passes/keys.py).
WALLET_KEYS: Record[None] = Record(
    "wallet_key",
    None,
    key={"only_row": "boolean"},
    changes=["key_id", "wrapped"],
    beside={"key_id": "text", "wrapped": "bytea", "created_at": "timestamptz", "activity": "uuid"},
)

# A PNG, by what it is.
IMAGES: Record[None] = Record(
    "pass_image",
    None,
    key={"program": "integer", "sha256": "bytea"},
    beside={
        "width": "integer",
        "height": "integer",
        "content": "bytea",
        "created_at": "timestamptz",
        "activity": "uuid",
    },
)

# As it stands. `template_id` is its public id.
TEMPLATES: Record[None] = Record(
    "pass_template",
    None,
    key={"id": "integer"},
    changes=["version", "display_name", "design", "archived", "updated_at", "activity"],
    beside={
        "program": "integer",
        "template_id": "text",
        "version": "integer",
        "display_name": "text",
        "design": "jsonb",
        "archived": "boolean",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "activity": "uuid",
    },
)

# What it was from one change to the next. Append-only.
TEMPLATE_VERSIONS: Record[None] = Record(
    "pass_template_version",
    None,
    key={"template": "integer", "version": "integer"},
    beside={"display_name": "text", "design": "jsonb", "activity": "uuid"},
    recorded=True,
)

# A card of a customer, with the coupon or the claim that it shows.
PASSES: Record[None] = Record(
    "pass",
    None,
    key={"id": "uuid"},
    changes=["voided_at", "erased_at", "activity"],
    beside={
        "program": "integer",
        "customer": "bigint",
        "template": "integer",
        "campaign": "integer?",
        "coupon": "uuid?",
        "claim": "uuid?",
        "created_at": "timestamptz",
        "voided_at": "timestamptz?",
        "erased_at": "timestamptz?",
        "activity": "uuid",
    },
    apart={"forgotten_at": "timestamptz?"},
)

# What phones were told it says: the revision, in the order of commits; Last-Modified, in whole seconds, never twice the
# same; since when that had changed, and when it was found out. Written by statements of their own, as all that follows.
CONTENTS: Record[None] = Record(
    "pass_content",
    None,
    key={"pass": "uuid"},
    apart={
        "revision": "bigint",
        "modified_at": "timestamptz",
        "digest": "bytea",
        "changed_at": "timestamptz",
        "built_at": "timestamptz",
    },
)

# The newest revision of all. Only refreshes lock it.
COUNTER: Record[None] = Record("pass_counter", None, key={"only_row": "boolean"}, apart={"revision": "bigint"})

# A pass may have changed, by the activity of this position of the log; `since` is when that was recorded. Of positions
# below 1 marking.py tells.
MARKS: Record[None] = Record(
    "pass_mark",
    None,
    key={"pass": "uuid", "position": "bigint"},
    apart={"due_at": "timestamptz", "since": "timestamptz"},
)

# All passes of a template may have changed; those up to `reached` are marked, the next from `due_at` on.
REMARKS: Record[None] = Record(
    "pass_remark",
    None,
    key={"template": "integer", "position": "bigint"},
    apart={"reached": "uuid?", "since": "timestamptz", "due_at": "timestamptz"},
)

# A phone. The push token is sealed; `token_at` is when it was told or repeated last.
DEVICES: Record[None] = Record(
    "pass_device",
    None,
    key={"id": "bigint"},
    apart={
        "library_hash": "bytea",
        "push_token": "bytea",
        "token_at": "timestamptz",
        "created_at": "timestamptz",
    },
)

REGISTRATIONS: Record[None] = Record(
    "pass_registration",
    None,
    key={"pass": "uuid", "device": "bigint"},
    apart={"registered_at": "timestamptz"},
)

# A revision on its way to a phone.
DELIVERIES: Record[None] = Record(
    "pass_delivery",
    None,
    key={"pass": "uuid", "device": "bigint", "revision": "bigint"},
    apart={
        "changed_at": "timestamptz",
        "pushed_at": "timestamptz?",
        "push_id": "uuid?",
        "answer": "text?",
        "listed_at": "timestamptz?",
        "fetched_at": "timestamptz?",
    },
)

# A line that some phone, or somebody else, reported.
DEVICE_LOGS: Record[None] = Record(
    "pass_device_log",
    None,
    key={"id": "bigint"},
    apart={"pass": "uuid?", "received_at": "timestamptz", "line": "text"},
)

# A way to a card. The token is kept as its SHA-256.
LINKS: Record[None] = Record(
    "pass_link",
    None,
    key={"id": "uuid"},
    changes=["revoked_at"],
    beside={
        "pass": "uuid",
        "token_hash": "bytea",
        "created_at": "timestamptz",
        "expires_at": "timestamptz",
        "revoked_at": "timestamptz?",
        "activity": "uuid",
    },
)

# Pushes with one account are stopped until a probe succeeds.
HALTS: Record[None] = Record(
    "push_halt",
    None,
    key={"platform": "text", "topic": "text"},
    apart={"reason": "text", "since": "timestamptz", "probe_at": "timestamptz"},
)

# What Google was sent of a template, and of a pass; when the card was saved and removed, and when it notified; until
# when a worker is at it, and when one may be.
GOOGLE_CLASSES: Record[None] = Record(
    "pass_google_class",
    None,
    key={"template": "integer", "issuer": "text"},
    apart={"version": "integer", "sent_at": "timestamptz"},
)

GOOGLE_PASSES: Record[None] = Record(
    "pass_google",
    None,
    key={"pass": "uuid"},
    apart={
        "issuer": "text",
        "revision": "bigint",
        "changed_at": "timestamptz",
        "sent_at": "timestamptz",
        "answer": "text",
        "saved_at": "timestamptz?",
        "removed_at": "timestamptz?",
        "notified": "jsonb",
        "digest": "bytea?",
        "begun_until": "timestamptz?",
    },
)

# When Google may be asked next, by whichever worker.
GOOGLE_PACE: Record[None] = Record(
    "pass_google_pace", None, key={"only_row": "boolean"}, apart={"next_at": "timestamptz"}
)

# Callbacks of Google that were taken: each comes more than once.
GOOGLE_CALLBACKS: Record[None] = Record(
    "pass_google_callback", None, key={"nonce": "text"}, apart={"received_at": "timestamptz"}
)

TemplateRow = TEMPLATES.model
TemplateVersionRow = TEMPLATE_VERSIONS.model
ImageRow = IMAGES.model
PassRow = PASSES.model
LinkRow = LINKS.model
