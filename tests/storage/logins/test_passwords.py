"""Passwords as the database keeps them, and what is over and goes."""

import re
from functools import partial

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from rules.activity import PASSWORD_RESET, Origin, by_operator
from storage.engine.database import Database, connection
from storage.engine.unit import run
from storage.logins import accounts, challenges, codes, hashing, logging_in
from tests.server.logging_in import EMAIL, PASSWORD, make_user
from tests.workers.acting import rows
from workers.actors.prune import prune

ORIGIN: Origin = by_operator(PASSWORD_RESET)


def test_a_hash_says_how_it_was_made_and_nothing_of_the_password() -> None:
    """Argon2id with the parameters of OWASP's cheat sheet, each with a salt of its own."""
    one, other = hashing.derive(PASSWORD), hashing.derive(PASSWORD)
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}", one)
    assert one != other
    assert hashing.matches(PASSWORD, one)
    assert not hashing.matches(f"{PASSWORD} ", one)
    assert not hashing.is_old(one)


def test_nobodys_password_takes_the_work_of_a_password_and_is_none() -> None:
    """The same parameters; else time would tell an account from none."""
    assert not hashing.is_old(hashing.NOBODYS)
    assert not any(hashing.matches(password, hashing.NOBODYS) for password in ("", PASSWORD, "fealty nobody's"))


def test_a_hash_of_other_parameters_is_made_anew_at_the_next_login(database: Database) -> None:
    """Whoever raises them need not ask everybody for a new password."""
    make_user(database, role=None)
    old = Argon2id(salt=b"x" * 16, length=32, iterations=1, lanes=1, memory_cost=8 * 1024)
    with connection(database) as books:
        books.execute("UPDATE password SET phc = %s", (old.derive_phc_encoded(PASSWORD.encode()),))
        known = accounts.by_email(books, EMAIL)
    assert known is not None
    assert hashing.is_old(known.account.phc)
    assert hashing.matches(PASSWORD, known.account.phc)
    run(database, lambda unit: logging_in.begin(unit, known, ORIGIN, hashing.derive(PASSWORD)))
    [(phc,)] = rows(database, "SELECT phc FROM password")
    assert not hashing.is_old(phc)
    assert hashing.matches(PASSWORD, phc)


def test_what_was_begun_and_is_over_is_pruned_with_its_codes(database: Database) -> None:
    """Challenges are made by whoever has a password, as many as they like; what an operator handed out stays."""
    user = make_user(database, role=None)
    with connection(database) as books:
        known = accounts.by_email(books, EMAIL)
    assert known is not None
    for _ in range(2):
        begun = run(database, lambda unit: logging_in.begin(unit, known, ORIGIN))
        assert isinstance(begun, logging_in.Challenged)
        request = partial(logging_in.request_code, known=known, challenge=begun.challenge, origin=ORIGIN)
        run(database, request)
    [(activity,)] = rows(database, "SELECT id::text FROM activity ORDER BY id DESC LIMIT 1")
    run(database, lambda unit: codes.make(unit, user.id, None, activity))
    with connection(database) as books:
        books.execute("UPDATE login_challenge SET expires_at = expires_at - interval '25 hours' WHERE ctid = '(0,1)'")
    assert run(database, lambda unit: prune(unit, {}))
    assert rows(database, "SELECT count(*) FROM login_challenge") == [(1,)]
    assert sorted(rows(database, "SELECT challenge IS NULL FROM login_code")) == [(False,), (True,)]
    assert challenges.parse("no challenge").secret == ""
