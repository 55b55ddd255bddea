"""Links to passes: whoever has one has the card, so there are few, and they end."""

from datetime import timedelta
from uuid import UUID

import pytest

from rules.passes.issuing import LINKS_MAX
from rules.passes.refusals import LinkNotFound, PassesUrlUnset, PassNotFound, PassVoided, TooManyLinks
from storage.engine.database import Database
from storage.engine.unit import run
from storage.passes.linking import prune
from storage.passes.sealing import link_hash
from tests.personal import WALLET
from tests.storage.passes.cards import Cards


@pytest.fixture
def cards(database: Database) -> Cards:
    """Two customers, and templates of three kinds."""
    return Cards(database)


def test_the_books_know_a_link_by_the_hash_of_its_token_alone(cards: Cards) -> None:
    """Whoever reads a backup must not walk away with everybody's cards: not from any table, kept answers included."""
    made = cards.link(cards.issue().name)
    token = WALLET.link_token(UUID(made.name.link))
    assert cards.rows("SELECT token_hash FROM pass_link") == [(link_hash(token),)]
    assert token not in repr(cards.contents())


def test_a_link_leads_somewhere_for_as_long_as_was_asked(cards: Cards) -> None:
    """A month, where nobody says."""
    name = cards.issue().name
    first, second = cards.link(name), cards.link(name, days=3)
    rows = cards.rows("SELECT expires_at - created_at, expires_at FROM pass_link ORDER BY id")
    assert rows == [(timedelta(days=30), first.expires_at), (timedelta(days=3), second.expires_at)]


def test_a_pass_has_so_many_links_that_lead_somewhere(cards: Cards) -> None:
    """One that has ended makes room, however it ended."""
    name = cards.issue().name
    cards.tell_address()
    made = [cards.link(name) for _ in range(LINKS_MAX)]
    with pytest.raises(TooManyLinks):
        cards.link(name)
    assert cards.revoke(made[0].name).value.revoked == 1
    cards.link(name)
    cards.execute("UPDATE pass_link SET expires_at = now() WHERE id = %s", [made[1].name.link])
    cards.link(name)
    with pytest.raises(TooManyLinks):
        cards.email(name)


def test_a_link_that_has_long_led_nowhere_is_removed(cards: Cards) -> None:
    """A pass that is mailed every month would gather them for ever."""
    name = cards.issue().name
    old, ended, _ = (cards.link(name).name for _ in range(3))
    for link, days in ((old, 31), (ended, 29)):
        since = timedelta(days=days)
        cards.execute("UPDATE pass_link SET expires_at = now() - %s WHERE id = %s", [since, link.link])
    assert run(cards.database, lambda unit: prune(unit.connection, 10)) == 1
    assert cards.rows("SELECT count(*), bool_or(id = %s) FROM pass_link", [old.link]) == [(2, False)]


def test_a_link_is_revoked_once_or_all_are(cards: Cards) -> None:
    """What leads nowhere already is not recorded again."""
    name = cards.issue().name
    first, second, third = (cards.link(name).name for _ in range(3))
    assert cards.revoke(first).value.revoked == 1
    again = cards.revoke(first)
    assert (again.value.revoked, again.activity) == (0, None)
    assert cards.live_links() == [UUID(second.link), UUID(third.link)]
    assert cards.revoke(first._replace(link="")).value.revoked == 2
    assert cards.live_links() == []


def test_the_link_of_another_pass_is_not_there(cards: Cards) -> None:
    """Nor is one of a pass that is not there."""
    link = cards.link(cards.issue().name).name
    other = cards.issue(name="ben").name
    with pytest.raises(LinkNotFound):
        cards.revoke(link._replace(customer="ben", pass_id=other.id))
    with pytest.raises(LinkNotFound):
        cards.revoke(link._replace(customer="ben", link=""))
    with pytest.raises(PassNotFound):
        cards.link(other._replace(customer="ada"))


def test_a_voided_pass_has_no_way_to_it(cards: Cards) -> None:
    """Neither those that were handed out, nor a new one."""
    name = cards.issue().name
    cards.link(name)
    cards.void_pass(name)
    assert cards.live_links() == []
    with pytest.raises(PassVoided):
        cards.link(name)


def test_without_an_address_of_ours_there_is_no_link(cards: Cards) -> None:
    """It would lead nowhere, and the customer would find that out."""
    name = cards.issue().name
    with pytest.raises(PassesUrlUnset):
        cards.link(name, passes_url="")
    assert cards.live_links() == []


def test_whoever_only_asks_makes_no_link(cards: Cards) -> None:
    """An address is an address."""
    name = cards.issue().name
    cards.link(name, validate_only=True)
    assert cards.live_links() == []
