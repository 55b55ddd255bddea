"""Passwords, codes, tokens and addresses of users, in every call that takes or answers one: nobody finds one in a
table, a task, a log line or an error.
"""

import base64
import hashlib

import pytest

from fealty.v1 import access_pb2 as pb
from server.policy import methods
from storage.logins.records import Purpose
from tests.databases import SEEN
from tests.personal import ACCESS
from tests.server.logging_in import EMAIL, NEW_PASSWORD, PASSWORD, REQUESTS, Console, make_user, token_of
from tests.server.serving import Served, told
from tests.server.test_planted import personal

WRONG = "the parrot repeats it all"
THIRD_PASSWORD = "nine kettles hum in june"
NAME = "Featherstone, planted"
STRANGER = "featherstone@planted.example"


def test_every_call_that_takes_or_answers_a_secret_of_a_user_is_here() -> None:
    """A new one is searched from its first day, since the contract says what is secret."""
    ours = {method.name for method in methods() if method.service == "fealty.v1.AccessService"}
    assert {name for name in ours if any(personal(REQUESTS[name].DESCRIPTOR))} <= ours == set(REQUESTS)


async def test_no_table_task_log_line_or_error_holds_what_a_user_logs_in_with(
    server: Served, capfd: pytest.CaptureFixture[str]
) -> None:
    """Right and wrong, used and not. What is there is what cannot be read back: a slow hash of a password, a hash of a
    token of 256 bits, what is sealed."""
    user = make_user(server.database)
    console, said, secrets = Console(server), [], []
    said += [vars(await told(console.log_in(EMAIL, WRONG))), vars(await told(console.log_in(STRANGER, WRONG)))]
    begun = await console.log_in()
    code = await console.mailed(begun.challenge)
    said.append(vars(await told(console.verify(begun.challenge, f"9{code}"))))
    login = await console.verify(begun.challenge, code)
    said.append(vars(await told(console.verify(begun.challenge, code))))
    known = Console(server, login.token)
    device, recovery = await known.enroll()
    totp = device.code()
    begun_again = await console.log_in()
    await console.verify(begun_again.challenge, totp, "TOTP")
    used = await console.log_in()
    await console.verify(used.challenge, recovery[0], "RECOVERY")
    change = pb.ChangePasswordRequest(password=PASSWORD, new_password=NEW_PASSWORD)
    await known.call("ChangePassword", change)
    said.append(vars(await told(known.call("ChangePassword", change))))
    for email in (EMAIL, STRANGER):
        await console.call("RequestPasswordReset", pb.RequestPasswordResetRequest(email=email))
    [(asked,)] = server.rows("SELECT id FROM emailed_token WHERE person IS NOT NULL")
    token = token_of(server.database, user.id, Purpose.RESET)
    reset = pb.ResetPasswordRequest(token=token, new_password=THIRD_PASSWORD)
    await console.call("ResetPassword", reset)
    said.append(vars(await told(console.call("ResetPassword", reset))))
    invited = make_user(server.database, "ben@coffee.example", "INVITED")
    invitation = token_of(server.database, invited.id, Purpose.INVITATION)
    accept = pb.AcceptInvitationRequest(token=invitation, password=NEW_PASSWORD, display_name=NAME)
    await console.call("AcceptInvitation", accept)
    secrets += [PASSWORD, NEW_PASSWORD, THIRD_PASSWORD]
    secrets += [WRONG, STRANGER, f"9{code}", *recovery, device.secret.hex(), login.token]
    secrets += [one.challenge for one in (begun, begun_again, used)]
    secrets += [token, invitation, ACCESS.emailed_token(asked, Purpose.RESET)]
    tables = {name: str(server.rows(f'SELECT t::text FROM "{name}" t')) for (name,) in server.rows(SEEN)}
    tables["what was said"] = str(said) + "".join(capfd.readouterr())
    forms = {form for secret in secrets for form in _forms(secret)}
    assert [(name, form) for name, text in tables.items() for form in forms if form in text] == []
    # Six digits occur by chance, in times and ids: they are looked for as words.
    for short in (code, totp):
        assert [name for name, text in tables.items() if f'"{short}"' in text or f",{short}," in text] == []
    # The address and the name stand in one row, and nowhere else.
    for personal_data in (EMAIL, NAME):
        assert [name for name, text in tables.items() if personal_data in text] == ["app_user"]


def _forms(secret: str) -> set[str]:
    """A secret as it stands, its own half of a token, without dashes, as bytes that were made readable, and as a hash
    that could be tried."""
    last = secret.rpartition("-")[2].rpartition("_")[2]
    plain = {secret, last} if len(last) > 12 else {secret, secret.replace("-", "")}
    raw = secret.encode()
    return {*plain, raw.hex(), base64.b64encode(raw).decode(), hashlib.sha256(raw).hexdigest()}
