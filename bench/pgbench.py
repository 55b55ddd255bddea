"""What PostgreSQL itself does with the same rows: its own load generator, without Python in between."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench.processor import spent_s
from bench.requests import CUSTOMERS
from bench.stage import Stage

# What a purchase writes, as the usual single statements. The accounts are numbered from 1.
SINGLE = f"""
\\set n :n + 1
\\set account random(1, {CUSTOMERS})
\\set chance random(0, 4611686018427387903)
BEGIN;
SELECT program, customer, active + 12 AS active, earned + 12 AS earned, lots + 1 AS lot, entries + 1 AS seq
FROM account WHERE id = :account FOR UPDATE \\gset
UPDATE account SET active = :active, earned = :earned, version = version + 1, lots = :lot, entries = :seq,
       due_at = least(due_at, '2027-12-01') WHERE id = :account;
INSERT INTO activity VALUES ({{activity}}, :program, :customer, now(), now(), 'transaction.recorded', 'ORDERS', 'ORDER',
       'API', NULL, 'SERVICE', 'caller_01m81zbetef3kbgr3gcj94kcar', 'SUCCEEDED', 'transaction.recorded', 12, {{body}},
       DEFAULT, {{subject}}, {{details}});
INSERT INTO transaction VALUES (:program, {{transaction}}, :account, NULL, 1234, 'USD', NULL, 12, :lot, 1, now(), now(),
       'ACCEPTED', now(), 0, 0, 0, NULL, {{activity}});
INSERT INTO lot VALUES (:account, :lot, :program, 'ACTIVE', 12, 12, 0, 0, now(), '2027-12-01', false, NULL, 1, now(),
       {{transaction}}, NULL, NULL, {{activity}});
INSERT INTO entry VALUES (:account, :seq, :program, 'EARN', 12, :active, 0, 0, now(), now(), {{transaction}}, NULL,
       NULL, {{activity}}, :lot);
INSERT INTO request VALUES ('caller_01m81zbetef3kbgr3gcj94kcar', 'RecordTransaction', {{request}}, {{hash}},
       {{response}}, now());
COMMIT;
"""

SET = 100
# The same rows, SET purchases of as many accounts in one transaction, each table one statement.
SETS = f"""
\\set n :n + 1
\\set first random(1, {CUSTOMERS - SET})
\\set chance random(0, 4611686018427387903)
BEGIN;
SELECT count(*) FROM (SELECT FROM account WHERE id BETWEEN :first AND :first + {SET - 1} ORDER BY id FOR UPDATE) AS a;
UPDATE account SET active = active + 12, earned = earned + 12, version = version + 1, lots = lots + 1,
       entries = entries + 1, due_at = least(due_at, '2027-12-01') WHERE id BETWEEN :first AND :first + {SET - 1};
INSERT INTO activity SELECT {{activity}}, program, customer, now(), now(), 'transaction.recorded', 'ORDERS', 'ORDER',
       'API', NULL, 'SERVICE', 'caller_01m81zbetef3kbgr3gcj94kcar', 'SUCCEEDED', 'transaction.recorded', 12, {{body}},
       pg_current_xact_id()::text::bigint, {{subject}}, {{details}}
       FROM account WHERE id BETWEEN :first AND :first + {SET - 1};
INSERT INTO transaction SELECT program, {{transaction}}, id, NULL, 1234, 'USD', NULL, 12, lots, 1, now(), now(),
       'ACCEPTED', now(), 0, 0, 0, NULL, {{activity}} FROM account WHERE id BETWEEN :first AND :first + {SET - 1};
INSERT INTO lot SELECT id, lots, program, 'ACTIVE', 12, 12, 0, 0, now(), '2027-12-01', false, NULL, 1, now(),
       {{transaction}}, NULL, NULL, {{activity}} FROM account WHERE id BETWEEN :first AND :first + {SET - 1};
INSERT INTO entry SELECT id, entries, program, 'EARN', 12, active, 0, 0, now(), now(), {{transaction}}, NULL, NULL,
       {{activity}}, lots
       FROM account WHERE id BETWEEN :first AND :first + {SET - 1};
INSERT INTO request SELECT 'caller_01m81zbetef3kbgr3gcj94kcar', 'RecordTransaction', {{request}}, {{hash}},
       {{response}}, now() FROM account WHERE id BETWEEN :first AND :first + {SET - 1};
COMMIT;
"""

# What is of the length that Fealty writes. A space behind each colon: pgbench would take it for a variable.
SUBJECT = "'" + "s" * 72 + "'"
DETAILS = """'{"amount_minor": 1234, "currency": "USD", "points": 12}'"""
BODY = "'" + "b" * 628 + "'"
RESPONSE = "'" + "r" * 444 + "'"


# The number of a transaction among those of all clients.
NUMBER = ":n::bigint * 64 + :client_id"


class Purchases(NamedTuple):
    """How fast pgbench recorded purchases, and PostgreSQL's processor time for one of them."""

    per_s: float
    postgres_us: float


def singles(stage: Stage, clients: int = 8) -> Purchases:
    """One transaction of single statements for each purchase."""
    # Ids that grow with time for what grows with time, scattered ones for what a caller chooses: as in earnest.
    grows, scattered = _hex(12, ":n", 4, ":client_id", 16, ":chance"), _hex(16, ":chance", 16, NUMBER)
    return _run(stage, SINGLE, 1, grows, scattered, clients)


def sets(stage: Stage, clients: int = 4) -> Purchases:
    """SET purchases in a transaction."""
    grows, scattered = _hex(12, ":n", 4, ":client_id", 16, "id"), _hex(16, ":chance + id * 7919", 16, NUMBER)
    return _run(stage, SETS, SET, grows, scattered, clients)


def _run(stage: Stage, script: str, purchases: int, grows: str, scattered: str, clients: int) -> Purchases:
    parts = {
        "activity": f"({grows})::uuid",
        "transaction": f"({scattered})",
        "request": f"({scattered})::uuid",
        "hash": "decode(repeat('ab', 32), 'hex')",
        "body": BODY,
        "subject": SUBJECT,
        "details": DETAILS,
        "response": RESPONSE,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        path.write_text("\n".join(_joined(script.format(**parts))) + "\n")
        command = [
            str(stage.postgres.binary("pgbench")), "-n", "-M", "prepared", "-c", str(clients), "-j", "1",
            "-T", str(max(1, round(stage.seconds))), "-D", f"n={_start()}", "-f", str(path), stage.postgres.url,
        ]  # fmt: skip
        before_s = spent_s(stage.watched["PostgreSQL"])
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 4 * stage.seconds, check=False)
    used_s = spent_s(stage.watched["PostgreSQL"]) - before_s
    found = re.search(r"actually processed: (\d+).*tps = ([0-9.]+)", done.stdout, re.DOTALL)
    if done.returncode or found is None:
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-500:]}")
    return Purchases(float(found[2]) * purchases, used_s / (int(found[1]) * purchases) * 1e6)


_runs = 0


def _start() -> int:
    """Where a run's counting begins: no two runs of one measurement make the same ids."""
    global _runs
    _runs += 1
    return _runs * 10_000_000


def _hex(*parts: int | str) -> str:
    """SQL for hexadecimal digits put together: so many digits of this, then so many of that."""
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return " || ".join(f"lpad(to_hex(({value})::bigint), {digits}, '0')" for digits, value in pairs)


def _joined(script: str) -> list[str]:
    return [line for line in script.splitlines() if line.strip()]
