"""Who may do what in the database: the application what it needs, and never change what was recorded.

The owner is whoever runs `fealty migrate`: the schema is theirs. The other roles hold rights, and logins are made
members of them. Roles belong to a server, not to a database, so their names begin with the database's.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

# What servers, workers, clocks and the command line are.
APPLICATION = "application"
# What the application steps into for a caller of some programs only: it is behind the wall (storage/wall.py).
SCOPED = "scoped"
# What will seal the log.
SEALER = "sealer"
# Who reads the log with tools of their own.
AUDITOR = "auditor"
# Whom nobody is: the doors through which retention takes bodies out of the log, and erasure what lies beside it.
RETENTION = "retention"

# NAMEDATALEN of PostgreSQL, without the byte that ends it.
NAME_BYTES_MAX = 63

READ = frozenset({"SELECT"})
APPEND = READ | {"INSERT"}
CHANGE = APPEND | {"UPDATE"}
REMOVE = APPEND | {"DELETE"}
USE = frozenset({"USAGE"})

# What happened, and the order of it.
LOG = ("activity", "activity_note", "activity_place")

# The rights of each role on each table and sequence; on what it does not name here, it has none. A row lock asks for
# UPDATE; the sequence of an identity is named where it is asked by itself. Servers of the version before may still be
# running when this is put in force: a right goes a release after the last use of it.
_DECLARED: Mapping[str, Mapping[str, frozenset[str]]] = {
    APPLICATION: {
        **dict.fromkeys(LOG, APPEND),
        "activity_placed": CHANGE,
        "activity_follower": CHANGE,
        # By which words it is found: with what was dropped they go, and are made anew.
        "activity_word": CHANGE | REMOVE,
        "activity_block": CHANGE | REMOVE,
        # What is counted of the log, which can be counted anew.
        "activity_kind": APPEND | REMOVE,
        "activity_rollup": CHANGE | REMOVE,
        # What changed of a person, beside the log. A rotation wraps keys anew, and drops the one before.
        "personal_value": APPEND,
        "subject_key": CHANGE,
        "personal_key": CHANGE | REMOVE,
        # The key of coupon codes: made once, wrapped anew with those of customers.
        "code_key": CHANGE,
        # The ledger: what is never changed.
        "entry": APPEND,
        "split": APPEND,
        "allocation": READ,
        "refund": APPEND,
        "pin": APPEND,
        "redating": APPEND,
        "cancellation": APPEND,
        "write_off": APPEND,
        "movement": APPEND,
        # The ledger: what is. An account that was opened for a call that was refused is removed again.
        "account": CHANGE | REMOVE,
        "sliding_expiry": CHANGE,
        "lot": CHANGE,
        "transaction": CHANGE,
        "spending": CHANGE,
        "shortfall": CHANGE,
        "hold": CHANGE,
        "set_aside": CHANGE | REMOVE,
        # Customers. Of an identity that they no longer have, nothing is kept.
        "customer": CHANGE,
        "customer_id_seq": USE,
        "customer_external_id": REMOVE,
        "customer_merge": APPEND,
        "customer_unmerge": APPEND,
        "merge_account": APPEND,
        "merge_part": APPEND,
        "merge_sliding_expiry": APPEND,
        "merge_transaction": APPEND,
        "merge_belonging": APPEND,
        # How far erasures are.
        "erasure": CHANGE,
        # How long the log is kept.
        "retention": CHANGE,
        "retention_rule": CHANGE,
        "retention_swept": CHANGE | REMOVE,
        "retention_sweep": CHANGE,
        "legal_hold": CHANGE,
        # Programs, and who may call.
        "program": CHANGE,
        "program_id_seq": USE,
        "program_version": APPEND,
        "network": CHANGE,
        "network_id_seq": USE,
        "partner": CHANGE,
        "partner_id_seq": USE,
        "caller": CHANGE,
        "app_user": CHANGE,
        "role": CHANGE,
        "role_version": APPEND,
        "role_assignment": CHANGE,
        "api_key": CHANGE,
        "certificate": CHANGE,
        "credential_use": CHANGE,
        "login": CHANGE,
        # Logging in. What is over is pruned, and second factors and their codes can be taken away.
        "access_key": CHANGE,
        "password": CHANGE,
        "totp": CHANGE | REMOVE,
        "recovery_code": CHANGE | REMOVE,
        "login_challenge": CHANGE | REMOVE,
        "login_code": CHANGE | REMOVE,
        "emailed_token": CHANGE,
        "server_secret": READ,
        # What is under approval, and what was asked for. What a day's sums are of is pruned.
        "approval_stand": CHANGE,
        "approval_rule": CHANGE,
        "approval_rule_id_seq": USE,
        "approval_use": CHANGE | REMOVE,
        "approval_request": CHANGE,
        "approval_decision": APPEND,
        "approval_key": CHANGE,
        # Clubs, and who is in them; of persons that are erased, nothing is kept.
        "club": CHANGE,
        "club_customer": CHANGE | REMOVE,
        # Coupons. Codes that were made and never published are removed again.
        "stock": CHANGE,
        "stock_slot": CHANGE | REMOVE,
        "coupon_campaign": CHANGE,
        "coupon_campaign_version": APPEND,
        "coupon_batch": CHANGE,
        "coupon": CHANGE | REMOVE,
        "redemption": CHANGE,
        # Rewards, and what was claimed of them.
        "reward": CHANGE,
        "reward_version": APPEND,
        "claim": CHANGE,
        "unchecked_codes": APPEND,
        # Passes. Phones come and go, and what is under way to them is pruned.
        "wallet_key": CHANGE,
        "pass_image": APPEND,
        "pass_template": CHANGE,
        "pass_template_version": APPEND,
        "pass": CHANGE,
        "pass_content": CHANGE,
        "pass_counter": CHANGE,
        "pass_mark": CHANGE | REMOVE,
        "pass_remark": CHANGE | REMOVE,
        "pass_device": CHANGE | REMOVE,
        "pass_registration": CHANGE | REMOVE,
        "pass_delivery": CHANGE | REMOVE,
        "pass_device_log": REMOVE,
        "pass_link": CHANGE | REMOVE,
        "push_halt": CHANGE | REMOVE,
        "pass_google_class": CHANGE,
        "pass_google": CHANGE | REMOVE,
        "pass_google_pace": CHANGE,
        "pass_google_callback": REMOVE,
        "mail_stop": CHANGE | REMOVE,
        # Attempts that failed, for as long as they count.
        "attempt": CHANGE | REMOVE,
        # What is under way. Old answers and finished tasks are pruned.
        "request": CHANGE | REMOVE,
        "task": CHANGE | REMOVE,
        "mail": CHANGE,
        "operation": CHANGE,
        "operation_account": CHANGE | REMOVE,
        "operation_customer": REMOVE,
        "activity_export": CHANGE,
        # What is here, for the look at it when a process starts.
        "schema_migration": READ,
    },
    SEALER: dict.fromkeys(LOG, READ),
    AUDITOR: dict.fromkeys(LOG, READ),
    # What drops and erasures change and remove; what the guard of the log looks at; and the program, which it locks.
    RETENTION: {
        "activity": READ | {"UPDATE"},
        "activity_note": READ | {"DELETE"},
        "personal_value": READ | {"DELETE"},
        "subject_key": READ | {"DELETE"},
        "program": READ | {"UPDATE"},
        "customer": READ,
        "retention_rule": READ,
        "retention_sweep": READ,
        "legal_hold": READ,
    },
}


# Behind the wall it has the same rights: what is taken away from it are rows.
GRANTS: Mapping[str, Mapping[str, frozenset[str]]] = {**_DECLARED, SCOPED: _DECLARED[APPLICATION]}


class Door(NamedTuple):
    """A function that acts with rights which its callers do not have (SECURITY DEFINER).

    `owner` is the role whose rights they are, one of GRANTS; None for the owner of the schema.
    """

    owner: str | None
    callers: tuple[str, ...]


# By the function's name, without the digest that one of a .sql file has (storage/engine/functions.py). Nobody but the
# callers may call it. It names a `search_path` of its own: with the caller's, it would act on the caller's tables.
DOORS: Mapping[str, Door] = {
    "summarize_activity": Door(None, (APPLICATION,)),
    "drop_bodies": Door(RETENTION, (APPLICATION,)),
    "forget_beside": Door(RETENTION, (APPLICATION, SCOPED)),
    "forget_keys": Door(RETENTION, (APPLICATION, SCOPED)),
}


def role_name(database: str, role: str) -> str:
    """What a role of a database is called: `fealty_application`. What is longer than PostgreSQL allows is cut."""
    name = f"{database}_{role}"
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    end = f"_{sha256(database.encode()).hexdigest()[:8]}_{role}"
    return database.encode()[: NAME_BYTES_MAX - len(end)].decode(errors="ignore") + end
