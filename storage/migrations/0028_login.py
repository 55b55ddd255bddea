"""Logging in: passwords, second factors, challenges, codes and tokens that are mailed; and mails to users."""

from typing import Any

# Older workers would take a mail to a user for one to nobody, and not send it.
OLDEST_SERVER = 28

# The key of what logging in is trusted by, wrapped like that of codes (0019).
ACCESS_KEY = """
CREATE TABLE access_key (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    key_id     text        NOT NULL REFERENCES personal_key,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    activity   uuid        NOT NULL REFERENCES activity DEFERRABLE INITIALLY DEFERRED
);
CREATE TRIGGER unchangeable BEFORE UPDATE OF only_row, created_at, activity OR DELETE OR TRUNCATE ON access_key
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE access_key ENABLE ALWAYS TRIGGER unchangeable;
"""

# `phc` is the password's Argon2id hash with its salt and parameters. The step of a code of TOTP that was used only goes
# up: an earlier one is good no more. Of a recovery code there is a keyed hash.
FACTORS = """
CREATE TABLE password (
    person      text        PRIMARY KEY REFERENCES app_user,
    phc         text        NOT NULL CHECK (phc LIKE '$argon2id$%'),
    must_change boolean     NOT NULL,
    set_at      timestamptz NOT NULL,
    activity    uuid        NOT NULL REFERENCES activity
);
CREATE TABLE totp (
    person       text        PRIMARY KEY REFERENCES app_user,
    sealed       bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    used_step    bigint      NOT NULL DEFAULT 0,
    activity     uuid        NOT NULL REFERENCES activity
);
CREATE TABLE recovery_code (
    person   text        NOT NULL REFERENCES app_user,
    mac      bytea       NOT NULL CHECK (octet_length(mac) = 32),
    used_at  timestamptz,
    activity uuid        NOT NULL REFERENCES activity,
    PRIMARY KEY (person, mac)
);
"""

# Of codes and tokens that are mailed nothing stands here by which they could be found out: each is an HMAC of its id
# under the key above. A code without a challenge was given by the operator, and is good for any of its person.
CODES = """
CREATE TABLE login_challenge (
    id          text        PRIMARY KEY,
    person      text        NOT NULL REFERENCES app_user,
    secret_hash bytea       NOT NULL CHECK (octet_length(secret_hash) = 32),
    attempts    integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    activity    uuid        NOT NULL REFERENCES activity
);
CREATE INDEX login_challenge_of_person ON login_challenge (person, created_at);
CREATE TABLE login_code (
    id         uuid        PRIMARY KEY,
    person     text        NOT NULL REFERENCES app_user,
    challenge  text        REFERENCES login_challenge ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    activity   uuid        NOT NULL REFERENCES activity
);
CREATE INDEX login_code_of_person ON login_code (person, created_at);
CREATE INDEX login_code_of_challenge ON login_code (challenge);
"""

# A token to set a password again that belongs to nobody was asked for an address of nobody: so that there is as much to
# do, and nobody learns from that which addresses are here.
TOKENS = """
CREATE TABLE emailed_token (
    id         text        PRIMARY KEY,
    person     text        REFERENCES app_user,
    purpose    text        NOT NULL CHECK (purpose IN ('INVITATION', 'RESET')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    voided_at  timestamptz,
    activity   uuid        NOT NULL REFERENCES activity,
    CHECK (person IS NOT NULL OR purpose = 'RESET')
);
CREATE INDEX emailed_token_of_person ON emailed_token (person, created_at);
"""

# A mail is to a customer, or to a user, and then of a program where all that the user may do is of one.
MAIL = """
ALTER TABLE mail
    ALTER COLUMN program DROP NOT NULL,
    ALTER COLUMN customer DROP NOT NULL,
    ADD COLUMN person text REFERENCES app_user,
    ADD CONSTRAINT one_recipient CHECK (
        (customer IS NULL) <> (person IS NULL) AND (customer IS NULL OR program IS NOT NULL)
    ) NOT VALID;
CREATE INDEX mail_of_person ON mail (person, created_at) WHERE person IS NOT NULL;
"""


def up(migrator: Any, db: Any) -> None:
    """Makes the tables, and widens that of mails."""
    for part in (ACCESS_KEY, FACTORS, CODES, TOKENS, MAIL):
        db.connection().execute(part)
