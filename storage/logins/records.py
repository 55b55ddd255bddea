"""What the books keep of logging in, each noun once; logins themselves are in storage/access/records.py."""

from enum import StrEnum

from storage.engine.records import Record

# The key of the installation, wrapped under its personal key (storage/logins/keys.py).
ACCESS_KEYS: Record[None] = Record(
    "access_key",
    None,
    key={"only_row": "boolean"},
    changes=["key_id", "wrapped"],
    beside={"key_id": "text", "wrapped": "bytea", "created_at": "timestamptz", "activity": "uuid"},
)

# A user's password: its hash, and whether it was given to them and is to be changed first.
PASSWORDS: Record[None] = Record(
    "password",
    None,
    key={"person": "text"},
    changes=["phc", "must_change", "set_at", "activity"],
    beside={"phc": "text", "must_change": "boolean", "set_at": "timestamptz", "activity": "uuid"},
)

# What a user's authenticator shares with us, sealed; `used_step` is the latest step whose code was used.
TOTPS: Record[None] = Record(
    "totp",
    None,
    key={"person": "text"},
    changes=["sealed", "created_at", "confirmed_at", "used_step", "activity"],
    beside={
        "sealed": "bytea",
        "created_at": "timestamptz",
        "confirmed_at": "timestamptz?",
        "used_step": "bigint",
        "activity": "uuid",
    },
)

# Codes that a user keeps for the day on which nothing else is at hand; a keyed hash of each.
RECOVERY_CODES: Record[None] = Record(
    "recovery_code",
    None,
    key={"person": "text", "mac": "bytea"},
    changes=["used_at"],
    beside={"used_at": "timestamptz?", "activity": "uuid"},
)

# Between password and second factor. `attempts` are codes that were tried.
CHALLENGES: Record[None] = Record(
    "login_challenge",
    None,
    key={"id": "text"},
    changes=["attempts", "ended_at"],
    beside={
        "person": "text",
        "secret_hash": "bytea",
        "attempts": "integer",
        "created_at": "timestamptz",
        "expires_at": "timestamptz",
        "ended_at": "timestamptz?",
        "activity": "uuid",
    },
)

# Codes that are mailed for a challenge or, without one, that an operator hands out.
CODES: Record[None] = Record(
    "login_code",
    None,
    key={"id": "uuid"},
    changes=["ended_at"],
    beside={
        "person": "text",
        "challenge": "text?",
        "created_at": "timestamptz",
        "expires_at": "timestamptz",
        "ended_at": "timestamptz?",
        "activity": "uuid",
    },
)


class Purpose(StrEnum):
    """What a token that is mailed is good for."""

    INVITATION = "INVITATION"
    RESET = "RESET"


# Tokens that are mailed. Of an address of nobody there is one without a person.
EMAILED_TOKENS: Record[None] = Record(
    "emailed_token",
    None,
    key={"id": "text"},
    changes=["used_at", "voided_at"],
    beside={
        "person": "text?",
        "purpose": "text",
        "created_at": "timestamptz",
        "expires_at": "timestamptz",
        "used_at": "timestamptz?",
        "voided_at": "timestamptz?",
        "activity": "uuid",
    },
)

PasswordRow = PASSWORDS.model
TotpRow = TOTPS.model
RecoveryCodeRow = RECOVERY_CODES.model
ChallengeRow = CHALLENGES.model
CodeRow = CODES.model
EmailedTokenRow = EMAILED_TOKENS.model
