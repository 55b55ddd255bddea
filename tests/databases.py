"""Databases of tests, each with its owner and its application."""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from storage.embedded import OWNER
from storage.roles import APPLICATION, GRANTS, role_name

# A server on which databases and roles can be made; without it, each test process starts one of its own.
SERVER_URL = os.environ.get("FEALTY_TEST_DATABASE_URL")
# Every table that the application sees.
SEEN = """
SELECT relname::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND has_table_privilege(oid, 'SELECT')
"""

# Who is connected to a database, and is told to leave it.
SESSIONS_ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
# Sessions leave within milliseconds. Who goes on coming back is left to DROP DATABASE, which lets nobody in.
ENDING_LOOK_S, ENDING_LOOKS_MAX = 0.002, 50


@contextmanager
def fresh_database(server_url: str, template: str = "template0") -> Iterator[str]:
    """The URL of a new database, a copy of `template`, dropped at the end whoever is still connected."""
    name = f"fealty_test_{secrets.token_hex(6)}"
    # Files that stay in memory are copied in two thirds of the time in which a copy is written to the log as well.
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'.encode())
        try:
            yield with_database(server_url, name)
        finally:
            _end_sessions(server, name)
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
            for role in GRANTS:
                server.execute(f'DROP ROLE IF EXISTS "{role_name(name, role)}"'.encode())


def _end_sessions(server: "psycopg.Connection[tuple[Any, ...]]", name: str) -> None:
    """Ends whoever is connected to a database, and waits a moment for them to be gone: where DROP DATABASE finds
    somebody who is leaving, it sleeps for a tenth of a second, which is longer than most tests take."""
    for _ in range(ENDING_LOOKS_MAX):
        if not server.execute(SESSIONS_ENDED, [name]).fetchall():
            return
        time.sleep(ENDING_LOOK_S)


def make_login(server_url: str, name: str) -> None:
    """Makes a role that may connect, with its own name as its password."""
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{name}'".encode())


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def as_application(url: str, of: str) -> str:
    """The URL by which the application connects to a database that is a copy of the database `of`, or it itself."""
    return with_login(url, role_name(of, APPLICATION))


def with_login(url: str, login: str) -> str:
    """The URL by which a login of `make_login` connects to the same database."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}:{login}@{parts.netloc.rpartition('@')[2]}"))


def as_owner(url: str) -> str:
    """The URL by which the owner of the tables connects to the same database."""
    parts = urlsplit(url)
    if not (parts.username or "").endswith(APPLICATION):
        return url
    return urlunsplit(parts._replace(netloc=urlsplit(SERVER_URL).netloc if SERVER_URL else f"{OWNER}@"))


def by_owner(url: str, statement: str) -> None:
    """Has the owner do what the application may not."""
    with psycopg.connect(as_owner(url), autocommit=True) as owner:
        owner.execute(statement.encode())
