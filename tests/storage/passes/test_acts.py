"""Passes voided, mailed and pushed."""

from uuid import UUID

import pytest

from rules.passes.refusals import (
    AddressRefused,
    CustomerUnsubscribed,
    NoAddress,
    PassesUrlUnset,
    PassNotFound,
    PassVoided,
)
from rules.refusals import CustomerBlocked, CustomerMerged
from storage.customers.closing import BlockCustomer
from storage.engine.database import Database
from storage.engine.ids import parse_typeid
from storage.engine.unit import run
from storage.mail import stops
from storage.passes.reading.passes import PassName
from tests.personal import WALLET
from tests.storage import members
from tests.storage.passes.cards import Cards
from tests.storage.scene import asked


@pytest.fixture
def cards(database: Database) -> Cards:
    """Two customers, and templates of three kinds."""
    return Cards(database)


def tasks(cards: Cards) -> list[tuple[str, str, str]]:
    """What is planned of pushes: actor, queue and pass."""
    rows = cards.rows("SELECT actor, queue, args ->> 'pass' FROM task WHERE actor LIKE 'push%%' ORDER BY actor")
    return [(actor, queue, which) for actor, queue, which in rows]


def install(cards: Cards, name: PassName, library_id: str) -> None:
    """A phone has it."""
    cards.execute(
        "WITH d AS (INSERT INTO pass_device (library_hash, push_token, token_at, created_at)"
        " VALUES (%s, 'x', now(), now()) RETURNING id)"
        " INSERT INTO pass_registration SELECT %s, id, now() FROM d",
        [library_id.encode(), name.id],
    )


def save_at_google(cards: Cards, name: PassName) -> None:
    """Somebody saved it there."""
    cards.execute(
        "INSERT INTO pass_google (pass, issuer, revision, changed_at, sent_at, answer, saved_at)"
        " VALUES (%s, '3388', 1, now(), now(), '200', now())",
        [name.id],
    )


def test_a_pass_is_voided_once_and_for_all(cards: Cards) -> None:
    """It cannot be made valid again, so a second time is a mistake; the first answer is given again to who lost it."""
    name = cards.issue().name
    voided = cards.void_pass(name, request_id="once")
    assert voided.value.voided_at is not None
    assert cards.read(name) == voided.value
    assert voided.value.activity == voided.activity
    assert cards.void_pass(name, request_id="once").value == voided.value
    with pytest.raises(PassVoided):
        cards.void_pass(name)


def test_what_was_erased_reads_as_voided(cards: Cards) -> None:
    """Nothing is left of it but that it was there."""
    name = cards.issue().name
    cards.execute("UPDATE pass SET erased_at = now() WHERE id = %s", [name.id])
    assert cards.read(name).voided_at is not None
    assert [one.name for one in cards.page(state="VOIDED")] == [name]
    with pytest.raises(PassVoided):
        cards.link(name)


def test_a_mail_is_planned_with_a_link_of_its_own(cards: Cards) -> None:
    """Each request is a mail; what fills it names the pass and the link, and nobody."""
    name = cards.issue().name
    cards.tell_address()
    first, second = cards.email(name), cards.email(name)
    assert first.link != second.link
    rows = cards.rows("SELECT id, template, arguments FROM mail ORDER BY id")
    assert rows == [
        (parse_typeid("mail", one.mail), "pass", {"pass": name.serial, "link": one.link.link})
        for one in (first, second)
    ]
    assert cards.live_links() == [UUID(first.link.link), UUID(second.link.link)]
    assert cards.rows("SELECT count(*) FROM task WHERE actor = 'send_mail'") == [(2,)]


def test_whoever_only_asks_plans_no_mail(cards: Cards) -> None:
    """And makes no link."""
    cards.tell_address()
    cards.email(cards.issue().name, validate_only=True)
    assert (cards.rows("SELECT FROM mail"), cards.live_links()) == ([], [])


def test_no_mail_goes_to_who_cannot_get_or_does_not_want_one(cards: Cards) -> None:
    """Mail servers count what is sent to addresses that they refused; a law counts the other."""
    name = cards.issue().name
    with pytest.raises(NoAddress):
        cards.email(name)
    cards.tell_address()
    cards.execute(
        "INSERT INTO mail_stop (customer, refused_at, refused_address, refused_error)"
        " SELECT id, now(), %s, '550' FROM customer WHERE customer_id = 'ada'",
        [WALLET.address_hash("ada@example.com")],
    )
    with pytest.raises(AddressRefused):
        cards.email(name)
    # Another address was refused by nobody.
    cards.tell_address("ada@example.org")
    cards.email(name)
    cards.execute("UPDATE mail_stop SET unsubscribed_at = now()")
    with pytest.raises(CustomerUnsubscribed):
        cards.email(name)


def test_who_wants_no_mails_gets_none_under_another_name_either(cards: Cards) -> None:
    """A merge makes no new consent; and its way back takes none away, of who said so meanwhile."""
    ids = dict(cards.rows("SELECT customer_id, id FROM customer"))
    run(cards.database, lambda unit: stops.unsubscribe(unit, ids["ada"]))
    members.merge(cards, "ada", "ben")
    cards.tell_address("ben@example.com", "ben")
    name = cards.issue(name="ben").name
    with pytest.raises(CustomerUnsubscribed):
        cards.email(name)
    members.unmerge(cards, "ada")
    cards.email(name)
    cards.execute("DELETE FROM mail_stop")
    members.merge(cards, "ben", "ada")
    run(cards.database, lambda unit: stops.unsubscribe(unit, ids["ben"]))
    members.unmerge(cards, "ben")
    assert dict(cards.rows("SELECT customer, unsubscribed_at IS NOT NULL FROM mail_stop"))[ids["ben"]]


def test_no_mail_goes_to_who_is_out(cards: Cards) -> None:
    """Or with an address of ours that leads nowhere."""
    cards.tell_address()
    name = cards.issue().name
    with pytest.raises(PassesUrlUnset):
        cards.email(name, passes_url="")
    cards.carry_out(BlockCustomer("coffee", "ada", asked("block")))
    with pytest.raises(CustomerBlocked):
        cards.email(name)


def test_of_who_was_merged_the_other_is_asked_for(cards: Cards) -> None:
    """The refusal says who that is."""
    name = cards.issue().name
    members.merge(cards)
    with pytest.raises(CustomerMerged):
        cards.email(name)


def test_a_push_tells_every_wallet_that_has_it(cards: Cards) -> None:
    """And no other. Each time it is asked for, also while an earlier one waits."""
    name = cards.issue().name
    assert cards.push(name) == (0, False)
    assert tasks(cards) == []
    install(cards, name, "phone")
    install(cards, name, "watch")
    assert cards.push(name) == (2, False)
    assert tasks(cards) == [("push_apple", "push", name.id)]
    save_at_google(cards, name)
    assert cards.push(name) == (2, True)
    assert tasks(cards) == [("push_apple", "push", name.id)] * 2 + [("push_google", "push_google", name.id)]
    # Google is sent what it has already, too.
    assert cards.rows("SELECT args ->> 'again' FROM task WHERE actor = 'push_google'") == [("true",)]


def test_a_pass_is_found_by_whose_it_is(cards: Cards) -> None:
    """A name that puts it under somebody else names none."""
    name = cards.issue().name
    for act in (cards.void_pass, cards.push, cards.link):
        with pytest.raises(PassNotFound):
            act(name._replace(customer="ben"))
