"""What a user is known by beside the password: each code is good once, and none is found by trying."""

import asyncio

from fealty.v1 import access_pb2 as pb
from rules.access import Role
from storage.engine.database import connection
from storage.engine.unit import Unit, run
from storage.logins import operator
from tests.personal import KEYRING
from tests.server.logging_in import EMAIL, PASSWORD, Authenticator, Console, User, make_user
from tests.server.serving import Served, activities, told

TOTP, MAIL, RECOVERY = pb.FACTOR_WAY_TOTP, pb.FACTOR_WAY_MAIL, pb.FACTOR_WAY_RECOVERY


async def enrolled(server: Served) -> tuple[User, Console, Authenticator, list[str]]:
    """A user with an authenticator, who is in."""
    user = make_user(server.database)
    console = await Console(server).come_in()
    return user, console, *await console.enroll()


async def test_who_has_an_authenticator_is_asked_for_its_codes_and_mailed_none(server: Served) -> None:
    """Else whoever reads the mailbox would get around it."""
    user, console, device, _ = await enrolled(server)
    begun = await console.log_in()
    assert list(begun.ways) == [TOTP, RECOVERY]
    asked = await told(console.mailed(begun.challenge))
    assert (asked.reason, asked.facts) == ("WAY_NOT_OFFERED", {"way": "MAIL"})
    assert (await console.verify(begun.challenge, device.code(), "TOTP")).token
    enrolled_twice = await told(console.call("BeginTotp", pb.BeginTotpRequest(password=PASSWORD)))
    assert enrolled_twice.reason == "TOTP_STATE"
    seen = await activities(server.admin, "programs/coffee", action="totp.enrolled")
    assert [one.subject for one in seen] == [f"users/{user.id}"]


async def test_a_code_that_was_used_is_used_and_so_is_an_earlier_one(server: Served) -> None:
    """Whoever looks over a shoulder has half a minute."""
    _, console, device, _ = await enrolled(server)
    # The one that confirmed it was of the step before.
    used, now = device.code(-1), device.code()
    begun = await console.log_in()
    assert (await told(console.verify(begun.challenge, used, "TOTP"))).reason == "CODE_WRONG"
    await console.verify(begun.challenge, now, "TOTP")
    begun = await console.log_in()
    assert (await told(console.verify(begun.challenge, now, "TOTP"))).reason == "CODE_WRONG"
    # Codes that are far off are none, the next one is; and it is none of another kind.
    assert (await told(console.verify(begun.challenge, device.code(3), "TOTP"))).reason == "CODE_WRONG"
    following = device.code(1)
    assert (await told(console.verify(begun.challenge, following, "MAIL"))).reason == "CODE_WRONG"
    await console.verify(begun.challenge, following, "TOTP")


async def test_an_authenticator_counts_once_it_is_confirmed(server: Served) -> None:
    """Whoever closes the page before would be shut out."""
    make_user(server.database)
    console = await Console(server).come_in()
    wrong = pb.BeginTotpRequest(password="not the one that it is")
    assert (await told(console.call("BeginTotp", wrong))).reason == "PASSWORD_WRONG"
    begun = await console.call("BeginTotp", pb.BeginTotpRequest(password=PASSWORD))
    assert begun.uri.startswith(f"otpauth://totp/Fealty:{EMAIL}?secret={begun.secret}&")
    assert list((await console.log_in()).ways) == [MAIL]
    assert (await told(console.call("ConfirmTotp", pb.ConfirmTotpRequest(code="000000")))).reason == "CODE_WRONG"
    # Begun anew, the first secret is none.
    device, codes = await console.enroll()
    assert len(set(codes)) == 10
    assert (await told(console.call("ConfirmTotp", pb.ConfirmTotpRequest(code=device.code())))).reason == ("CODE_WRONG")
    assert server.rows("SELECT count(*) FROM totp WHERE confirmed_at IS NOT NULL") == [(1,)]


async def test_an_authenticator_that_is_removed_asks_for_nothing_more(server: Served) -> None:
    """Codes are mailed again."""
    _, console, _, _ = await enrolled(server)
    wrong = pb.RemoveTotpRequest(password="not the one that it is")
    assert (await told(console.call("RemoveTotp", wrong))).reason == "PASSWORD_WRONG"
    remove = pb.RemoveTotpRequest(password=PASSWORD)
    await console.call("RemoveTotp", remove)
    assert MAIL in (await console.log_in()).ways
    assert (await told(console.call("RemoveTotp", remove))).reason == "TOTP_STATE"


async def test_each_recovery_code_lets_in_once_and_new_ones_void_them_all(server: Served) -> None:
    """Ten slips of paper are ten logins, also where one is tried twice at the same time."""
    user, console, _, codes = await enrolled(server)
    begun = [await console.log_in() for _ in range(2)]
    typed = codes[0].upper().replace("-", " ")
    tried = [console.verify(one.challenge, typed, "RECOVERY") for one in (*begun, *begun)]
    answers = await asyncio.gather(*tried, return_exceptions=True)
    assert sum(isinstance(answer, pb.IssuedLogin) for answer in answers) == 1
    used = await activities(server.admin, "programs/coffee", action="recovery_code.used")
    assert [one.description for one in used] == ["Recovery code used, 9 codes left (Staff Anna Held)."]
    anew = await console.call("CreateRecoveryCodes", pb.CreateRecoveryCodesRequest(password=PASSWORD))
    begun_again = await console.log_in()
    assert (await told(console.verify(begun_again.challenge, codes[1], "RECOVERY"))).reason == "CODE_WRONG"
    await console.verify(begun_again.challenge, anew.recovery_codes[0], "RECOVERY")
    assert user.id not in str(codes)


async def test_the_operator_hands_out_a_code_that_any_challenge_of_the_user_takes(server: Served) -> None:
    """Where no mail arrives, or the authenticator is lost: once, and to nobody else."""
    make_user(server.database, "ben@coffee.example", role=Role.AUDITOR)
    _, console, _, _ = await enrolled(server)

    def make(unit: Unit) -> str:
        unit.keyring = KEYRING
        return operator.make_code(unit, EMAIL.upper())

    begun, other = await console.log_in(), await console.log_in("ben@coffee.example")
    code = run(server.database, make)
    assert (await told(console.verify(other.challenge, code))).reason == "CODE_WRONG"
    await console.verify(begun.challenge, code)
    again = await console.log_in()
    assert (await told(console.verify(again.challenge, code))).reason == "CODE_WRONG"
    made = await activities(server.admin, "programs/coffee", action="code.requested")
    assert "Code to log in made by hand (the operator)." in [one.description for one in made]


async def test_what_the_database_has_of_a_second_factor_opens_nothing(server: Served) -> None:
    """Whoever has it alone, without the file of keys, finds neither secrets nor codes in it."""
    _, console, device, codes = await enrolled(server)
    begun = await console.log_in()
    with connection(server.database) as books:
        kept = str(books.execute("SELECT t::text FROM totp t").fetchall())
        kept += str(books.execute("SELECT r::text FROM recovery_code r").fetchall())
        kept += str(books.execute("SELECT c::text FROM login_challenge c").fetchall())
    for planted in (device.secret.hex(), *codes, *(code.replace("-", "") for code in codes), begun.challenge[-64:]):
        assert planted not in kept
