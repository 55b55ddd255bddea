"""Archived cards and programs: which acts they still allow, and that nothing else archives them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from rules.archiving import archive_card, archive_program, check_act
from rules.programs import Card, EarnRate, Settings, check_begins, check_change, keep_states
from rules.refusals import (
    CardArchived,
    CardFixed,
    CardNotFound,
    CardStateWrong,
    ProgramArchived,
    ProgramStateWrong,
    Refusal,
    SettingsInvalid,
)
from rules.states import Act

PLAIN, GOLD = (Card(name, name, 0, EarnRate(1, 1, "EUR")) for name in ("plain", "gold"))
CLUB = Settings("Club", "Europe/Prague", (PLAIN, GOLD))
OLD = archive_card(CLUB, "gold", True, "club")


def allowed(settings: Settings, card_id: str) -> set[Act]:
    """The kinds of acts that can be done with a card."""
    found = set()
    for act in Act:
        with suppress(CardArchived, ProgramArchived):
            check_act(settings, settings.card(card_id, "club"), act, "club")
            found.add(act)
    return found


def test_an_archived_card_gets_nothing_and_gives_all_it_has() -> None:
    """Other cards of the program do not notice."""
    assert allowed(OLD, "gold") == set(Act) - {Act.EARN, Act.ADD}
    assert allowed(OLD, "plain") == set(Act)


def test_in_an_archived_program_what_had_begun_is_brought_to_its_end() -> None:
    """With every card alike, archived or not: the program is named, for that is what must be unarchived."""
    for card in ("plain", "gold"):
        assert allowed(archive_program(OLD, True, "club"), card) == {Act.CAPTURE, Act.GIVE_BACK, Act.PUT_RIGHT}


def test_both_come_back_as_they_were() -> None:
    """A card that was archived before its program is so afterwards."""
    assert archive_card(OLD, "gold", False, "club") == CLUB
    assert archive_program(archive_program(OLD, True, "club"), False, "club") == OLD


def test_what_is_so_already_is_refused_and_says_how_it_would_have_to_be() -> None:
    """Two administrators at once: the second is told, and does not take it for his own deed."""
    refused: list[tuple[type[Refusal], dict[str, str]]] = []
    closed = archive_program(CLUB, True, "club")
    changes: list[Callable[[], Settings]] = [
        lambda: archive_card(OLD, "gold", True, "club"),
        lambda: archive_card(CLUB, "gold", False, "club"),
        lambda: archive_program(CLUB, False, "club"),
        lambda: archive_program(closed, True, "club"),
        lambda: archive_card(closed, "gold", True, "club"),
        lambda: archive_card(CLUB, "tin", True, "club"),
    ]
    for change in changes:
        with pytest.raises(Refusal) as refusal:
            change()
        refused.append((type(refusal.value), refusal.value.facts))
    assert refused == [
        (CardStateWrong, {"card": "gold", "state": "ARCHIVED", "wanted": "ACTIVE"}),
        (CardStateWrong, {"card": "gold", "state": "ACTIVE", "wanted": "ARCHIVED"}),
        (ProgramStateWrong, {"program": "club", "state": "ACTIVE", "wanted": "ARCHIVED"}),
        (ProgramStateWrong, {"program": "club", "state": "ARCHIVED", "wanted": "ACTIVE"}),
        (ProgramArchived, {"program": "club"}),
        (CardNotFound, {"program": "club", "card": "tin"}),
    ]


@pytest.mark.parametrize(("card", "to"), [("plain", True), ("gold", False)])
def test_a_change_of_the_settings_never_archives_by_the_way(card: str, to: bool) -> None:
    """Its reason would stand nowhere, and a client that knows no states would bring cards back to life."""
    cards = tuple(replace(one, archived=to) if one.card_id == card else one for one in OLD.cards)
    with pytest.raises(CardFixed):
        check_change(OLD, replace(OLD, cards=cards))
    assert keep_states(OLD, cards, {card}) == OLD.cards
    check_change(OLD, replace(OLD, cards=keep_states(OLD, cards, {card})))


def test_no_card_begins_as_archived() -> None:
    """Nobody could have anything of it."""
    new = replace(PLAIN, card_id="new", archived=True)
    with pytest.raises(SettingsInvalid):
        check_begins([PLAIN, new])
    with pytest.raises(SettingsInvalid):
        check_change(OLD, replace(OLD, cards=(*OLD.cards, new)))
    check_change(OLD, replace(OLD, cards=(*OLD.cards, *keep_states(OLD, [new], {"new"}))))
