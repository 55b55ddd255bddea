"""Who may get in, and what lies open there, for `fealty doctor`."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from cli.checks import Finding
from rules.access import Role
from storage.engine.database import Connection

KEY_ENDS_SOON = timedelta(days=14)  # time to bring another one to every till
KEY_IDLE = timedelta(days=90)  # longer than a season's campaign rests; what nobody uses, nobody misses
ASKED_LONG_AGO = timedelta(days=1)  # of the three days that a request waits, unless its rule says otherwise
SHOWN_MAX = 5  # a line that can be read; the lists have all of them


def examine(held: Connection) -> Iterator[Finding]:
    """The administrators, passwords that others have seen, keys, and requests for approval. All of them are warnings:
    nothing stands still for them yet."""
    yield _administrators(held)
    yield _passwords(held)
    yield _keys(held)
    yield _approvals(held)


def _administrators(held: Connection) -> Finding:
    found = _all(held, _ADMINISTRATORS, {"role": Role.ADMINISTRATOR.value})
    if not found:
        advice = "make one: `fealty users create-administrator`"
        return _warned("administrators", "none can log in", advice)
    without = [name for name, has_factor in found if not has_factor]
    if not without:
        return Finding("administrators", f"{len(found):,} can log in, each with an authenticator")
    advice = "have them enroll one (BeginTotp): beside the password, a mailbox is all that keeps others out"
    return _warned("administrators", f"{len(found):,} can log in, without an authenticator: {_listed(without)}", advice)


def _passwords(held: Connection) -> Finding:
    found = [name for (name,) in _all(held, _GIVEN_PASSWORDS)]
    if not found:
        return Finding("passwords", "each is known to its user alone")
    advice = "have them log in and change it, or lock them: `fealty users lock`"
    return _warned("passwords", f"as they were given, and not changed yet: {_listed(found)}", advice)


def _keys(held: Connection) -> Finding:
    ending = [f"{name} ({key})" for key, name in _all(held, _ENDING, {"soon": KEY_ENDS_SOON})]
    idle = [f"{name} ({key})" for key, name in _all(held, _IDLE, {"idle": KEY_IDLE})]
    said = [f"end within {KEY_ENDS_SOON.days} days: {_listed(ending)}"] if ending else []
    said += [f"not used for {KEY_IDLE.days} days: {_listed(idle)}"] if idle else []
    if not said:
        return Finding("keys", "none ends soon, none lies idle")
    to_do = ["`fealty keys rotate` what is to go on"] if ending else []
    to_do += ["`fealty keys revoke` what nobody needs"] if idle else []
    return _warned("keys", "; ".join(said), ", ".join(to_do))


def _approvals(held: Connection) -> Finding:
    [(count, oldest_s)] = _all(held, _ASKED)
    if not count:
        return Finding("approvals", "no request waits")
    found = f"{count:,} wait, the oldest for {oldest_s / 3600:,.0f} h"
    if oldest_s <= ASKED_LONG_AGO.total_seconds():
        return Finding("approvals", found)
    return _warned("approvals", found, "tell those who decide: `fealty approvals list` shows what waits")


def _warned(check: str, found: str, advice: str) -> Finding:
    return Finding(check, found, advice, warns=True)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_MAX:,} more" if len(names) > SHOWN_MAX else ""
    return f"{', '.join(names[:SHOWN_MAX])}{more}"


def _all(held: Connection, statement: str, told: dict[str, Any] | None = None) -> list[Any]:
    return held.execute(statement, told or {}).fetchall()


_ADMINISTRATORS = """
SELECT u.id, EXISTS (SELECT FROM totp t WHERE t.person = u.id AND t.confirmed_at IS NOT NULL)
FROM app_user u JOIN password p ON p.person = u.id
WHERE u.state = 'ACTIVE' AND EXISTS (
    SELECT FROM role_assignment a
    WHERE a.holder = u.id AND a.role = %(role)s AND a.scope_kind = 'ALL' AND a.until_at IS NULL
)
ORDER BY u.created_at, u.id
"""

_GIVEN_PASSWORDS = """
SELECT u.id FROM app_user u JOIN password p ON p.person = u.id
WHERE u.state = 'ACTIVE' AND p.must_change ORDER BY p.set_at, u.id
"""

_USABLE = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"

# A key that was rotated ends, too; its service has another one by then.
_ENDING = f"""
SELECT k.id, c.name FROM api_key k JOIN caller c ON c.id = k.caller
WHERE {_USABLE} AND k.expires_at <= now() + %(soon)s AND NOT EXISTS (
    SELECT FROM api_key o WHERE o.caller = k.caller AND o.revoked_at IS NULL
    AND (o.expires_at IS NULL OR o.expires_at > now() + %(soon)s)
)
ORDER BY k.expires_at, k.id
"""  # noqa: S608 - our own words

_IDLE = f"""
SELECT k.id, c.name FROM api_key k JOIN caller c ON c.id = k.caller
LEFT JOIN credential_use u ON u.credential = k.id
WHERE {_USABLE} AND coalesce(u.used_at, k.created_at) <= now() - %(idle)s
ORDER BY k.created_at, k.id
"""  # noqa: S608 - our own words

# What has expired is over by the clock, whether that was noted or not.
_ASKED = """
SELECT count(*), extract(epoch FROM now() - min(created_at))::float8 FROM approval_request
WHERE state = 'PENDING' AND expires_at > now()
"""
