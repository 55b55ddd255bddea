"""Functions of the database: written in .sql files, installed under a name with the digest of their text.

So servers of two versions run on one database, each with the functions it was written for: installing adds, and never
replaces. What no version needs any more is dropped by a later `fealty migrate`; a server shows by the name of its
sessions which set it uses.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from storage.engine.database import SESSION_NAME, Connection

# How long functions stay that no session shows to use: longer than a process has none.
KEPT = timedelta(days=7)

_BEGINS = re.compile(r"^CREATE FUNCTION (\w+)", re.MULTILINE)
_FILLED_IN = re.compile(r"\{(\w+)(?: (\w+))?\}")

# What stands for `{lot l}`: the columns of a record, of the row that is called `l` there.
Columns = Mapping[str, Callable[[str], str]]


class Functions:
    """The functions of one .sql file. `{name}` in it is another function, of the same file or of those it is given;
    `{noun alias}` are the columns of a record."""

    def __init__(self, path: Path, columns: Columns | None = None, *others: "Functions") -> None:
        self._names: dict[str, str] = {}
        self._others = {name: installed for one in others for name, installed in one._names.items()}
        self.sql: dict[str, str] = {}
        text = path.read_text()
        begins = [found.start() for found in _BEGINS.finditer(text)]
        for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
            self._add(text[begin:end].split("\n--", 1)[0].strip(), columns or {})

    def __getitem__(self, name: str) -> str:
        """The name under which a function is installed."""
        return self._names[name]

    def _add(self, text: str, columns: Columns) -> None:
        def fill(found: re.Match[str]) -> str:
            noun, alias = found.groups()
            return columns[noun](alias) if alias else (self._names.get(noun) or self._others[noun])

        begin = _BEGINS.match(text)
        assert begin is not None
        name, text = begin[1], _FILLED_IN.sub(fill, text)
        self._names[name] = f"{name}_{sha256(text.encode()).hexdigest()[:8]}"
        self.sql[self._names[name]] = text.replace(name, self._names[name], 1)


def digest(sets: Iterable[Functions]) -> str:
    """What tells the functions of one version from those of another."""
    names = sorted(name for functions in sets for name in functions.sql)
    return sha256(" ".join(names).encode()).hexdigest()[:8]


def missing(connection: Connection, sets: Iterable[Functions]) -> list[str]:
    """The names of those that are not installed."""
    names = [name for functions in sets for name in functions.sql]
    found = {name for (name,) in connection.execute(_FOUND, (names,))}
    return [name for name in names if name not in found]


def install(connection: Connection, sets: Iterable[Functions]) -> None:
    """Adds those that are not there, and drops what no version uses that is running or was installed last."""
    kept = list(sets)
    for name in missing(connection, kept):
        sql = next(functions.sql[name] for functions in kept if name in functions.sql)
        connection.execute(sql.encode())
    for functions in kept:
        for name in functions.sql:
            connection.execute(_KEEP, (digest(kept), name))
    for (name,) in connection.execute(
        _UNUSED, {"ours": digest(kept), "sessions": f"{SESSION_NAME}-%", "kept": KEPT}
    ).fetchall():
        connection.execute(f"DROP FUNCTION IF EXISTS {name}".encode())
        connection.execute("DELETE FROM sql_function WHERE name = %s", (name,))


_FOUND = "SELECT proname FROM pg_proc WHERE pronamespace = current_schema::regnamespace AND proname = ANY(%s)"

_KEEP = """
INSERT INTO sql_function (version, name) VALUES (%s, %s)
ON CONFLICT (version, name) DO UPDATE SET installed_at = now()
"""

# The version before this one stays, for servers that start again while others are being replaced; and any that was
# installed of late, for one that has no session open right now.
_UNUSED = """
WITH version AS (
    SELECT version, max(installed_at) AS installed_at FROM sql_function WHERE version <> %(ours)s GROUP BY version
), used AS (
    SELECT %(ours)s AS version
    UNION SELECT version FROM (SELECT version FROM version ORDER BY installed_at DESC LIMIT 1) AS before
    UNION SELECT version FROM version WHERE installed_at > now() - %(kept)s::interval
    UNION SELECT substr(split_part(application_name, ' ', 1), 8) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE %(sessions)s
)
SELECT DISTINCT name FROM sql_function f
WHERE NOT EXISTS (SELECT FROM sql_function k JOIN used USING (version) WHERE k.name = f.name)
"""
