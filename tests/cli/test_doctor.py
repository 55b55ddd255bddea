"""`fealty doctor` and `fealty ledger verify`: they say what is wrong, and their exit code says that it is."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from storage.engine.database import Database, connection
from storage.engine.unit import transaction
from storage.passes import halts
from storage.passes.halts import Platform
from tests.cli.terminal import Terminal, free_port
from tests.databases import by_owner
from tests.wallet.signing import lay
from wallet.apple.certificates import KEY_FILE


def test_a_fresh_machine_is_told_what_to_start(terminal: Terminal) -> None:
    """Nothing runs: every line says what to do, and none is a traceback."""
    outcome = terminal.run("doctor")
    assert outcome.code == 1
    problems = [line for line in outcome.out.splitlines() if line.startswith("PROBLEM")]
    assert [line.split()[1] for line in problems] == ["PostgreSQL", "broker", "server"]
    assert outcome.out.count("`fealty up`") == 3
    assert outcome.err == ""


def test_what_is_in_order_is_said_too(terminal: Terminal) -> None:
    """Whoever reads `ok` must know what was looked at."""
    running = terminal.up()
    checks = _checks(terminal, 0)
    assert list(checks) == [
        "Python",
        "PostgreSQL",
        "durability",
        "clock",
        "log",
        "schema",
        "programs",
        "personal keys",
        "tasks",
        "accounts",
        "mails",
        "wallets",
        "administrators",
        "passwords",
        "keys",
        "approvals",
        "broker",
        "broker log",
        "broker memory",
        "mail server",
        "TLS",
        "server",
        "disk",
    ]
    assert all(check["ok"] for check in checks.values())
    assert [name for name, check in checks.items() if check["advice"]] == ["administrators"], "nobody was made one yet"
    assert running.process.poll() is None


def test_settings_that_lose_data_and_work_that_waits_are_problems(connected: Terminal, database: Database) -> None:
    """The servers of these tests do not sync, and the task below has waited for an hour."""
    with connection(database) as held:
        held.execute(_OLD_TASK)
    checks = _checks(connected, 1)
    assert not checks["durability"]["ok"]
    assert "fsync" in checks["durability"]["advice"]
    assert not checks["tasks"]["ok"]
    assert "1 open, the oldest for 36" in checks["tasks"]["found"]
    assert not checks["server"]["ok"]
    assert checks["schema"]["ok"]
    assert checks["broker log"]["ok"]


def test_a_schema_of_another_version_is_a_problem(connected: Terminal, empty_database_url: str) -> None:
    """With what to type."""
    checks = _checks(connected, 1, FEALTY_DATABASE_URL=empty_database_url)
    assert checks["schema"]["advice"] == "run `fealty migrate`"
    assert "tasks" not in checks


def test_a_log_that_could_be_changed_is_warned_of(connected: Terminal, owner_url: str) -> None:
    """One login for all works as before, and whoever takes a server can change what it recorded: worth a line, and no
    alarm."""
    assert "cannot be changed" in _checks(connected, 1)["log"]["found"]
    own = {"FEALTY_DATABASE_URL": owner_url, "FEALTY_OWNER_DATABASE_URL": ""}
    log = _checks(connected, 1, **own)["log"]
    assert "could be changed" in log["found"]
    assert (log["ok"], log["warns"]) == (True, True)
    lines = connected.run("doctor", **own).out.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("warning")] == ["log", "administrators"]


def test_programs_that_only_the_server_keeps_apart_are_warned_of(connected: Terminal, owner_url: str) -> None:
    """Where no roles could be made, all works, with one wall in place of two: worth a line, and no alarm."""
    assert "by PostgreSQL either" in _checks(connected, 1)["programs"]["found"]
    by_owner(owner_url, "ALTER TABLE customer DISABLE ROW LEVEL SECURITY")
    own = {"FEALTY_DATABASE_URL": owner_url, "FEALTY_OWNER_DATABASE_URL": ""}
    programs = _checks(connected, 1, **own)["programs"]
    assert "by the server alone" in programs["found"]
    assert "`fealty migrate`" in programs["advice"]
    assert (programs["ok"], programs["warns"]) == (True, True)


def test_a_right_that_is_missing_is_a_problem(connected: Terminal, database: Database) -> None:
    """With what is missing, and what to type."""
    by_owner(database.database, f'REVOKE INSERT ON mail FROM "{urlsplit(database.database).username}"')
    rights = _checks(connected, 1)["rights"]
    assert not rights["ok"]
    assert "INSERT on mail" in rights["found"]
    assert "`fealty migrate`" in rights["advice"]


def test_who_asks_the_doctor_is_told_of_wallets_too(connected: Terminal, database: Database, tmp_path: Path) -> None:
    """Cards stand still, and all else is well: one line says whom to ask."""
    (lay(tmp_path) / KEY_FILE).write_bytes(b"no key")
    assert _checks(connected, 1)["wallets"]["ok"]
    with transaction(database) as unit:
        halts.begin(unit, Platform.APPLE, "pass.com.example", "BadCertificate", timedelta(minutes=1))
    wallets = _checks(connected, 1, FEALTY_WALLET_DIR=str(tmp_path))["wallets"]
    assert wallets["found"].startswith("1 of 1 accounts cannot be used; pushes of pass.com.example (Apple) are stopped")
    assert "`fealty wallet doctor`" in wallets["advice"]


def test_accounts_that_cannot_be_settled_are_named(connected: Terminal, database: Database) -> None:
    """Nobody else notices before their customers do."""
    assert _checks(connected, 1)["accounts"]["ok"]
    _open_account(database)
    with connection(database) as held:
        held.execute(_SET_ASIDE)
    accounts = _checks(connected, 1)["accounts"]
    assert accounts["found"] == "1 cannot be settled: 1 of program 1 (CheckViolation)"
    assert "fealty ledger verify" in accounts["advice"]


@pytest.mark.parametrize(("oldest_server", "advice"), [(1, ""), (99, "use a version of schema 99 or newer")])
def test_a_newer_schema_is_a_problem_where_we_are_too_old_for_it(
    connected: Terminal, database: Database, oldest_server: int, advice: str
) -> None:
    """In the middle of an upgrade it is as it must be."""
    by_owner(database.database, _NEWER.format(oldest_server))
    schema = _checks(connected, 1)["schema"]
    assert "0099_other" in schema["found"]
    assert schema["advice"] == advice


def test_a_broker_that_is_away_is_a_problem(connected: Terminal) -> None:
    """With the variable that names it."""
    checks = _checks(connected, 1, FEALTY_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert "FEALTY_REDIS_URL" in checks["broker"]["advice"]


def test_books_that_add_up_are_said_to(connected: Terminal, database: Database) -> None:
    """The figures of all accounts, and exit code 0."""
    _open_account(database)
    outcome = connected.run("ledger", "verify", "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert (found["holds"], found["faults"], found["accounts"]) == (True, 0, 1)
    shown = connected.run("ledger", "verify", "--program", "club")
    assert shown.code == 0
    assert "ledger check: holds" in shown.out


def test_books_that_were_tampered_with_are_found_out(connected: Terminal, database: Database) -> None:
    """Points that no lot and no entry knows of."""
    _open_account(database)
    with connection(database) as held:
        held.execute("UPDATE account SET active = 100, earned = 100")
    outcome = connected.run("ledger", "verify", "--json")
    assert outcome.code == 1
    found = json.loads(outcome.out)
    assert found["holds"] is False
    assert found["faults"] == len(found["shown"]) > 0
    shown = connected.run("ledger", "verify")
    assert shown.code == 1
    assert "DOES NOT HOLD" in shown.out
    assert "Traceback" not in shown.err


def test_a_program_that_does_not_exist_is_no_clean_bill(connected: Terminal) -> None:
    """A mistyped id must not read as "all is well"."""
    outcome = connected.run("ledger", "verify", "--program", "nothing")
    assert outcome.code == 1
    assert "There is no program nothing" in outcome.err


def _checks(terminal: Terminal, code: int, **variables: str) -> dict[str, Any]:
    outcome = terminal.run("doctor", "--json", **variables)
    assert outcome.code == code, outcome
    assert outcome.err == ""
    found = json.loads(outcome.out)
    assert found["ok"] == (code == 0)
    return {check["check"]: check for check in found["checks"]}


def _open_account(database: Database) -> None:
    with connection(database) as held:
        held.execute(_ACCOUNT)


_NEWER = "INSERT INTO schema_migration (name, applied, oldest_server) VALUES ('0099_other', now(), {})"

_SET_ASIDE = """
WITH due AS (UPDATE account SET due_at = now() RETURNING id, program)
INSERT INTO set_aside (account, program, since, error, tries, retry_at)
SELECT id, program, now(), 'CheckViolation', 1, now() FROM due
"""

_OLD_TASK = """
INSERT INTO task (id, actor, queue, args, unique_key, state, first_due_at, due_at, created_at)
VALUES (gen_random_uuid(), 'sweep_program', 'sweep', '{}', 'old', 'READY', now() - interval '1 hour', now(), now()),
       (gen_random_uuid(), 'sweep_program', 'sweep', '{}', 'later', 'READY', now() + interval '1 hour', now(), now())
"""

_ACCOUNT = """
WITH recorded AS (
    INSERT INTO activity
        (id, occurred_at, recorded_at, action, category, type, source, actor_type, actor, outcome, body)
    VALUES (gen_random_uuid(), now(), now(), '', '', '', '', '', '', '', '{}') RETURNING id
), program AS (
    INSERT INTO program (program_id, version, settings, created_at, updated_at, activity)
    SELECT 'club', 1, '{"display_name": "Club", "time_zone": "UTC", "cards": []}', now(), now(), id FROM recorded
    RETURNING id, activity
), customer AS (
    INSERT INTO customer (program, customer_id, version, created_at, updated_at, activity)
    SELECT id, 'jana', 1, now(), now(), activity FROM program RETURNING id, program
)
INSERT INTO account (program, customer, card_id) SELECT program, id, 'points' FROM customer
"""
