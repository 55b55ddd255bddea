"""Puts the roles of the database and their rights in force, and says what somebody who connects may and may not do.

What is declared stands in storage/roles.py.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from psycopg.errors import InsufficientPrivilege, UndefinedObject
from psycopg.pq import Conninfo
from psycopg.sql import Identifier

from storage.engine.database import Connection, in_our_words
from storage.roles import APPLICATION, DOORS, GRANTS, LOG, SCOPED, Door, role_name

# From there on a grant says whether the member has the rights, and whether it may step into the role.
GRANTS_SAY_HOW = 160_000
# A line that can be read.
SHOWN_MAX = 5


class RightsMissing(Exception):
    """The role that connects may not do what this version needs."""


class NotTheOwner(Exception):
    """The role that connects may not change the schema."""


def keep(connection: Connection, login: str | None, revokes: bool = True) -> None:
    """Makes the roles and their rights what is declared, as far as whoever is connected may: the rest is `by_hand`.

    In the caller's transaction; where all is as it should be, nothing is written. `login` becomes a member of the
    application's role. With `revokes`, rights that are declared no more go.
    """
    for statement in _needed(connection, login):
        _try(connection, statement)
    made = {role: name for role, name in _names(connection).items() if _ask(connection, _EXISTS, name)}
    for name in made.values():
        _let_in(connection, name)
    _grant(connection, made, revokes)
    for function, door in DOORS.items():
        _hang(connection, made, function, door)
    # Where PUBLIC may not call, as it usually may, whoever acts must be able to.
    for role in made.keys() & {APPLICATION, SCOPED, *(door.owner for door in DOORS.values())}:
        for (function,) in connection.execute(_NOT_CALLABLE, (made[role],)).fetchall():
            _run(connection, "GRANT EXECUTE ON FUNCTION {} TO {}", function, made[role])


def may_step(connection: Connection) -> str:
    """The right to step into a role, as this server calls it."""
    return "SET" if connection.info.server_version >= GRANTS_SAY_HOW else "MEMBER"


def by_hand(connection: Connection, login: str | None) -> list[str]:
    """The statements that `keep` could not run, for somebody who may: they make roles and the members of them."""
    if login is None or _ask(connection, _EXISTS, login):
        return _needed(connection, login)
    return [_said("CREATE ROLE {} LOGIN PASSWORD '…'", login), *_needed(connection, login)]


def login_of(url: str) -> str:
    """The role that a URL logs in as; where it names none, the driver's default. Raises StorageUnavailable."""
    with in_our_words():
        options = (*Conninfo.get_defaults(), *Conninfo.parse(url.encode()))
    return {option.keyword: option.val for option in options if option.val}[b"user"].decode()


def check_owner(connection: Connection) -> None:
    """Raises NotTheOwner where whoever is connected may not change the schema."""
    schema, owner, is_owner = connection.execute(_OWNER).fetchone() or (None, None, False)
    who = f"the role {connection.info.user}"
    if schema is None:
        raise NotTheOwner(f"{who} may make nothing in this database: make it the owner of the database, or of a schema")
    if not is_owner:
        raise NotTheOwner(
            f"the schema belongs to {owner}, and {who} may not change it: name a login of {owner} in"
            " FEALTY_OWNER_DATABASE_URL"
        )


def check(connection: Connection) -> None:
    """Raises RightsMissing where whoever is connected may not do what the application does."""
    wanted = [(name, right) for name, rights in GRANTS[APPLICATION].items() for right in sorted(rights)]
    names, rights = zip(*wanted, strict=True)
    lacks = [f"{right} on {name}" for name, right in connection.execute(_LACKING, (list(names), list(rights)))]
    if lacks:
        shown = ", ".join(lacks[:SHOWN_MAX]) + (" and more" if len(lacks) > SHOWN_MAX else "")
        raise RightsMissing(
            f"the role {connection.info.user} lacks {shown}; run `fealty migrate` with the owner's login in"
            " FEALTY_OWNER_DATABASE_URL, then start again"
        )


def unguarded(connection: Connection) -> str | None:
    """Why whoever is connected could change what stands in the log: `it owns activity`. None where it could not."""
    found = connection.execute(_UNGUARDED, (list(LOG),)).fetchone()
    if found is None:
        return None
    role, is_itself, is_superuser, owned, changeable = found
    who = "it" if is_itself else f"it can become {role}, which"
    if is_superuser:
        return f"{who} is a superuser"
    if owned:
        return f"{who} owns {owned}"
    return f"{who} may change {changeable}" if changeable else f"{who} may make roles"


def _needed(connection: Connection, login: str | None) -> list[str]:
    names = _names(connection)
    owner = _ask(connection, "SELECT current_user")
    members = [(names[door.owner], owner) for door in DOORS.values() if door.owner is not None]
    steps = [names[APPLICATION], *([owner] if login == owner else [])]
    if login is not None and login != owner:
        members.append((names[APPLICATION], login))
    lacking = [name for name in names.values() if not _ask(connection, _EXISTS, name)]
    outside = [(role, member) for role, member in members if not _ask(connection, _IS_MEMBER, member, role)]
    return [
        *(_said("CREATE ROLE {} NOLOGIN", name) for name in lacking),
        *(one for member in steps for one in _stepping(connection, names[SCOPED], member)),
        *(_said("GRANT {} TO {}", *one) for one in outside),
    ]


def _stepping(connection: Connection, role: str, member: str) -> list[str]:
    """What it takes that a member may step into a role, and has none of its rights without."""
    if _ask(connection, _STEPS.format(right=may_step(connection)), member, role):
        return []
    if connection.info.server_version >= GRANTS_SAY_HOW:
        return [_said("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE", role, member)]
    return [_said("ALTER ROLE {} NOINHERIT", member), _said("GRANT {} TO {}", role, member)]


def _let_in(connection: Connection, role: str) -> None:
    """Where PUBLIC may not look into the schema or connect, its role must."""
    if not _ask(connection, _MAY_LOOK, role):
        _run(connection, "GRANT USAGE ON SCHEMA {} TO {}", _ask(connection, "SELECT current_schema"), role)
    if not _ask(connection, _MAY_CONNECT, role):
        _try(connection, _said("GRANT CONNECT ON DATABASE {} TO {}", _ask(connection, _DATABASE), role))


def _grant(connection: Connection, made: Mapping[str, str], revokes: bool) -> None:
    """Compares first: a grant that changes nothing would still make every session plan anew."""
    tables = sorted({table for granted in GRANTS.values() for table in granted})
    there = [table for (table,) in connection.execute(_THERE, (tables,))]
    had = {(role, table): set(rights) for role, table, rights in connection.execute(_HAD, (list(made.values()),))}
    for role, name in made.items():
        for table in there:
            wanted, has = GRANTS[role].get(table, frozenset()), had.get((name, table), set())
            if lacks := ", ".join(sorted(wanted - has)):
                _run(connection, f"GRANT {lacks} ON {{}} TO {{}}", table, name)
            if revokes and (more := ", ".join(sorted(has - wanted))):
                _run(connection, f"REVOKE {more} ON {{}} FROM {{}}", table, name)


def _hang(connection: Connection, made: Mapping[str, str], function: str, door: Door) -> None:
    """Gives a door its owner and its callers, in each version of it that is installed."""
    for name, schema, owner, is_everybodys in connection.execute(_FUNCTIONS, (function,)).fetchall():
        wanted = made.get(door.owner) if door.owner is not None else None
        if wanted is not None and wanted != owner:
            _try(connection, _said(_TAKE_OVER, schema, name, wanted))
        if is_everybodys:
            _run(connection, "REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC", name)
        for caller in door.callers:
            if caller in made and not _ask(connection, _MAY_CALL, made[caller], name):
                _run(connection, "GRANT EXECUTE ON FUNCTION {} TO {}", name, made[caller])


def _names(connection: Connection) -> dict[str, str]:
    database = _ask(connection, _DATABASE)
    return {role: role_name(database, role) for role in GRANTS}


def _ask(connection: Connection, query: str, *parameters: Any) -> Any:
    [(answer,)] = connection.execute(query.encode(), parameters).fetchall()
    return answer


def _said(form: str, *names: str) -> str:
    return form.format(*(Identifier(name).as_string(None) for name in names))


def _run(connection: Connection, form: str, *names: str) -> None:
    connection.execute(_said(form, *names).encode())


def _try(connection: Connection, statement: str) -> None:
    """Runs it where whoever is connected may, and where the roles that it names are there."""
    with suppress(InsufficientPrivilege, UndefinedObject), connection.transaction():
        connection.execute(statement.encode())


_DATABASE = "SELECT current_database()"
_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = %s)"
_MAY_LOOK = "SELECT has_schema_privilege(%s, current_schema, 'USAGE')"
_MAY_CONNECT = "SELECT has_database_privilege(%s, current_database(), 'CONNECT')"

# Of the rights of the role, not only allowed to become it. Where one of them does not exist, it is no member.
_IS_MEMBER = """
SELECT EXISTS (
    SELECT FROM pg_roles m, pg_roles r WHERE m.rolname = %s AND r.rolname = %s AND pg_has_role(m.oid, r.oid, 'USAGE')
)
"""

_STEPS = """
SELECT EXISTS (
    SELECT FROM pg_roles m, pg_roles r
    WHERE m.rolname = %s AND r.rolname = %s AND pg_has_role(m.oid, r.oid, '{right}')
          AND (m.rolsuper OR NOT pg_has_role(m.oid, r.oid, 'USAGE'))
)
"""

# Of an empty database, whoever may make something in it. The history is made first, and never again.
_OWNER = """
SELECT current_schema, pg_get_userbyid(coalesce(owner, nspowner)),
       CASE WHEN owner IS NULL THEN has_schema_privilege(n.oid, 'CREATE') ELSE pg_has_role(owner, 'USAGE') END
FROM pg_namespace n
LEFT JOIN LATERAL (
    SELECT relowner AS owner FROM pg_class WHERE relnamespace = n.oid AND relname = 'schema_migration'
) AS history ON true
WHERE n.oid = current_schema::regnamespace
"""

_THERE = "SELECT relname FROM pg_class WHERE relnamespace = current_schema::regnamespace AND relname = ANY(%s)"

_HAD = """
SELECT r.rolname, c.relname, array_agg(a.privilege_type)
FROM pg_class c CROSS JOIN aclexplode(c.relacl) AS a JOIN pg_roles r ON r.oid = a.grantee
WHERE c.relnamespace = current_schema::regnamespace AND r.rolname = ANY(%s) GROUP BY 1, 2
"""

_LACKING = """
SELECT c.relname, w.wanted FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS w(name, wanted, ordinal)
JOIN pg_class c ON c.relnamespace = current_schema::regnamespace AND c.relname = w.name
WHERE NOT CASE c.relkind WHEN 'S' THEN has_sequence_privilege(c.oid, w.wanted)
          ELSE has_table_privilege(c.oid, w.wanted) END
ORDER BY w.ordinal
"""

# Of all roles that it is or can become, the first that could; itself before the others. Whoever owns the schema or the
# database may drop the table; whoever makes roles may make itself another.
_UNGUARDED = """
WITH log AS (
    SELECT oid, relname, relowner FROM pg_class
    WHERE relnamespace = current_schema::regnamespace AND relname = ANY(%s)
), owned AS (
    SELECT relowner AS owner, relname AS what FROM log
    UNION ALL SELECT nspowner, 'its schema' FROM pg_namespace WHERE nspname = current_schema
    UNION ALL SELECT datdba, 'its database' FROM pg_database WHERE datname = current_database()
), able AS (
    SELECT r.rolname, r.rolname = current_user AS is_itself, r.rolsuper, r.rolcreaterole,
           (SELECT min(what) FROM owned WHERE owner = r.oid) AS owned,
           (SELECT min(relname) FROM log
            WHERE has_table_privilege(r.oid, log.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')
                  OR has_any_column_privilege(r.oid, log.oid, 'UPDATE')) AS changeable
    FROM pg_roles r WHERE pg_has_role(r.oid, 'MEMBER')
)
SELECT rolname, is_itself, rolsuper, owned, changeable FROM able
WHERE rolsuper OR rolcreaterole OR owned IS NOT NULL OR changeable IS NOT NULL
ORDER BY is_itself DESC, rolname LIMIT 1
"""

# Who is to own something in a schema must be allowed to make it there, for that moment.
_TAKE_OVER = """
GRANT CREATE ON SCHEMA {0} TO {2}; ALTER FUNCTION {1} OWNER TO {2}; REVOKE CREATE ON SCHEMA {0} FROM {2}
"""

_FUNCTIONS = """
SELECT proname, nspname, pg_get_userbyid(proowner), has_function_privilege('public', p.oid, 'EXECUTE')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE nspname = current_schema AND regexp_replace(proname, '_[0-9a-f]{8}$', '') = %s
"""

_MAY_CALL = """
SELECT has_function_privilege(%s, oid, 'EXECUTE') FROM pg_proc
WHERE pronamespace = current_schema::regnamespace AND proname = %s
"""

_NOT_CALLABLE = """
SELECT proname FROM pg_proc
WHERE pronamespace = current_schema::regnamespace AND pg_has_role(proowner, 'USAGE') AND NOT prosecdef
      AND NOT has_function_privilege(%s, oid, 'EXECUTE')
"""
