"""The second wall between programs: who steps into the role `scoped` finds rows of the programs that it was told, and
no others, whatever it asks (docs/decisions/0057).

Two policies stand on each table with a program. One shows everything to everybody, and costs nothing, for the planner
drops it; the other, before which only that role stands, takes away again what is another program's.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple

from psycopg.sql import SQL, Composed, Identifier

from storage.engine.database import Connection
from storage.engine.scope import SETTING
from storage.rights import RightsMissing, may_step
from storage.roles import SCOPED, role_name

# What is of no program stands behind the wall as well, such as what holds everywhere; but not of these: there it is the
# installation's own.
HIDDEN = frozenset({"activity", "activity_place", "task"})

# What has no program of its own, and by which column it is reached: whose it is, is known by the row there. No query
# of a limited caller begins with one of these (tests/storage/test_wall.py).
BESIDE: Mapping[str, tuple[str, str]] = {
    "activity_export": ("operation", "operation"),
    "activity_note": ("activity", "activity"),
    "approval_decision": ("request", "approval_request"),
    "approval_use": ("rule", "approval_rule"),
    "cancellation": ("account", "account"),
    "club_customer": ("club", "club"),
    "coupon_campaign_version": ("campaign", "coupon_campaign"),
    "customer_unmerge": ("merge", "customer_merge"),
    "erasure": ("customer", "customer"),
    "mail_stop": ("customer", "customer"),
    "merge_account": ("activity", "customer_merge"),
    "merge_belonging": ("activity", "customer_merge"),
    "merge_part": ("activity", "customer_merge"),
    "merge_sliding_expiry": ("activity", "customer_merge"),
    "movement": ("source", "account"),
    "operation_account": ("operation", "operation"),
    "operation_customer": ("operation", "operation"),
    "pass_content": ("pass", "pass"),
    "pass_delivery": ("pass", "pass"),
    "pass_device_log": ("pass", "pass"),
    "pass_google": ("pass", "pass"),
    "pass_google_class": ("template", "pass_template"),
    "pass_link": ("pass", "pass"),
    "pass_mark": ("pass", "pass"),
    "pass_registration": ("pass", "pass"),
    "pass_remark": ("template", "pass_template"),
    "pass_template_version": ("template", "pass_template"),
    "personal_value": ("activity", "activity"),
    "pin": ("account", "account"),
    "redating": ("account", "account"),
    "reward_version": ("reward", "reward"),
    "sliding_expiry": ("account", "account"),
    "stock_slot": ("stock", "stock"),
    "subject_key": ("customer", "customer"),
    "write_off": ("account", "account"),
}
# What is of no program: what there is once, keys, digests, and figures that say nothing of anybody.
NOBODYS = frozenset(
    {
        # What users log in with, which is theirs wherever they may what.
        "access_key",
        "emailed_token",
        "login_challenge",
        "login_code",
        "password",
        "recovery_code",
        "totp",
        "activity_block",
        "activity_follower",
        "activity_kind",
        "activity_placed",
        # Who may do what: whose it is to see is said by their scope, which the edge asks of.
        "api_key",
        "app_user",
        "caller",
        "certificate",
        "credential_use",
        "login",
        "network",
        "partner",
        "role",
        "role_assignment",
        "role_version",
        # Which methods are under approval, everywhere: what is not seen is not enforced.
        "approval_key",
        "approval_stand",
        "attempt",
        "code_key",
        "pass_counter",
        "pass_device",
        "pass_google_callback",
        "pass_google_pace",
        "personal_key",
        "push_halt",
        # Kept answers, which are found by whose they are: theirs, whatever their scope has become.
        "request",
        "schema_migration",
        "server_secret",
        "wallet_key",
    }
)

# What shows everything. Before the role that is told its programs stands the other one.
OPEN = "open"


class Guarded(NamedTuple):
    """A table with a program: the column, and whether a row may be of none; what stands before it already."""

    table: str
    column: str
    is_nullable: bool
    is_enabled: bool
    policies: Mapping[str, str | None]

    @property
    def inside(self) -> str:
        """What rows it may see. Asked once a statement, and not of each row."""
        return f"{'' if self.table in HIDDEN else self._of_none}{self.column} = ANY ({_PROGRAMS})"

    @property
    def written(self) -> str:
        """What rows it may leave behind. What it did to nothing that is a program's, it may add to the log."""
        return f"{self._of_none}{self.column} = ANY ({_PROGRAMS})"

    @property
    def policy(self) -> str:
        """What the policy is called: by what it says, so that a version that says something else replaces it."""
        return f"{SCOPED}_{sha256(f'{self.inside} {self.written}'.encode()).hexdigest()[:8]}"

    @property
    def _of_none(self) -> str:
        return f"{self.column} IS NULL OR " if self.is_nullable else ""

    def stands(self, role: str) -> bool:
        """Whether all is as it should be."""
        return self.is_enabled and self.policies == {OPEN: None, self.policy: role}


def raise_on(connection: Connection, replaces: bool = True) -> None:
    """Makes the wall what this version declares, each table in a transaction of its own, as far as its role is there;
    where all is as it should be, nothing is locked. Without `replaces`, what a newer version made stays.

    Raises LockNotAvailable where a table is in use for longer than the lock's limit; what was done before it stays.
    """
    [(role,)] = connection.execute(_ROLE, (role_name(connection.info.dbname, SCOPED),))
    if role is None:
        return
    for table in _lacking(connection, role):
        if replaces or not table.policies:
            with connection.transaction():
                for statement in _statements(table, role):
                    connection.execute(statement)


def check(connection: Connection) -> None:
    """Raises RightsMissing where whoever is connected could not be shut in. Who owns the tables and made no roles has
    the first wall only (`stands`)."""
    if not stands(connection) and not _is_owner(connection):
        raise RightsMissing(
            f"the role {connection.info.user} cannot step behind the wall between programs; run `fealty migrate` with"
            " the owner's login in FEALTY_OWNER_DATABASE_URL, then start again"
        )


def stands(connection: Connection) -> bool:
    """Whether whoever is connected can step behind the wall, and it stands before every table."""
    found = connection.execute(_STEPS.format(right=may_step(connection)).encode()).fetchone()
    if found is None:
        return False
    role, steps, is_shut_in = found
    # Who had its rights without stepping in would be shut in with all that it does.
    return bool(steps and not is_shut_in) and not any(_lacking(connection, role))


def _lacking(connection: Connection, role: str) -> Iterator[Guarded]:
    rows = connection.execute(_GUARDED).fetchall()
    return (table for table in (Guarded(*row) for row in rows) if not table.stands(role))


def _statements(table: Guarded, role: str) -> Iterable[Composed]:
    name = Identifier(table.table)
    for policy in table.policies:
        yield SQL("DROP POLICY {} ON {}").format(Identifier(policy), name)
    yield SQL("CREATE POLICY {} ON {} USING (true) WITH CHECK (true)").format(Identifier(OPEN), name)
    yield SQL("CREATE POLICY {} ON {} AS RESTRICTIVE TO {} USING ({}) WITH CHECK ({})").format(
        Identifier(table.policy), name, Identifier(role), _raw(table.inside), _raw(table.written)
    )
    # Last: until then everybody sees everything, as before.
    yield SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(name)


def _raw(text: str) -> SQL:
    return SQL(text)  # our own words


def _is_owner(connection: Connection) -> bool:
    [(is_owner,)] = connection.execute(_IS_OWNER)
    return bool(is_owner)


_PROGRAMS = f"(SELECT string_to_array(current_setting('{SETTING}', true), ',')::integer[])::integer[]"

_ROLE = "SELECT (SELECT rolname::text FROM pg_roles WHERE rolname = %s)"

_GUARDED = f"""
SELECT c.relname::text, a.attname::text, NOT a.attnotnull, c.relrowsecurity, (
    SELECT coalesce(json_object_agg(p.polname, r.rolname), '{{}}')
    FROM pg_policy p LEFT JOIN pg_roles r ON r.oid = ANY(p.polroles)
    WHERE p.polrelid = c.oid AND (p.polname = '{OPEN}' OR p.polname ~ '^{SCOPED}_')
)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = CASE c.relname WHEN 'program' THEN 'id' ELSE 'program' END
WHERE c.relnamespace = current_schema::regnamespace AND c.relkind IN ('r', 'p') AND NOT a.attisdropped
ORDER BY c.relname
"""  # noqa: S608 - our own words

_STEPS = """
SELECT r.rolname::text, pg_has_role(r.oid, '{right}'),
       pg_has_role(r.oid, 'USAGE') AND row_security_active('program')
FROM pg_policy p JOIN pg_roles r ON r.oid = ANY(p.polroles)
WHERE p.polrelid = to_regclass('program') LIMIT 1
"""

_IS_OWNER = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('program')"
