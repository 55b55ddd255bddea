"""Archived cards and programs as their callers see them: shown, kept by updates, and read as before."""

from typing import Any

import pytest

from fealty.v1 import cards_pb2, programs_pb2
from tests.server.club import CARDS, NAME, WHY, Club
from tests.server.serving import fresh, program, told

ACTIVE, ARCHIVED = cards_pb2.CARD_STATE_ACTIVE, cards_pb2.CARD_STATE_ARCHIVED


async def _read(club: Club) -> programs_pb2.Program:
    return (await club.till.programs.GetProgram(programs_pb2.GetProgramRequest(name=NAME))).program


async def _update(club: Club, changed: programs_pb2.Program) -> programs_pb2.Program:
    request = programs_pb2.UpdateProgramRequest(program=changed, request_id=fresh())
    return (await club.admin.programs.UpdateProgram(request)).program


def _states(found: programs_pb2.Program) -> set[int]:
    return {card.state for card in found.cards}


async def test_the_state_of_a_card_and_of_its_program_are_shown(club: Club) -> None:
    """Each by itself; whoever reads the program knows what a till will be told."""
    before = await _read(club)
    assert (before.state, _states(before)) == (programs_pb2.PROGRAM_STATE_ACTIVE, {ACTIVE})
    archived = await club.archive("plain")
    assert [card.card_id for card in archived.cards if card.state == ARCHIVED] == ["plain"]
    assert archived.state == programs_pb2.PROGRAM_STATE_ACTIVE
    assert archived.settings_version == before.settings_version + 1
    closed = await club.archive()
    assert (closed.state, _states(closed)) == (programs_pb2.PROGRAM_STATE_ARCHIVED, {ACTIVE, ARCHIVED})
    assert await _read(club) == closed
    request = programs_pb2.UnarchiveProgramRequest(name=NAME, reason=WHY, request_id=fresh())
    assert _states((await club.admin.programs.UnarchiveProgram(request)).program) == {ACTIVE, ARCHIVED}


async def test_an_update_keeps_the_states_that_it_shows_or_leaves_away_and_changes_none(club: Club) -> None:
    """Read, change and send back is how programs are edited; clients of before know of no states."""
    found = await club.archive("plain")
    found.display_name = "Tea club"
    assert (await _update(club, found)).cards == found.cards
    bare = programs_pb2.Program(name=NAME, cards=CARDS)
    assert (await _update(club, bare)).cards == found.cards
    for number, state in ((0, ACTIVE), (1, ARCHIVED)):
        other = programs_pb2.Program(name=NAME, cards=found.cards)
        other.cards[number].state = state
        answer = await told(_update(club, other))
        assert (answer.reason, answer.facts) == ("CARD_FIXED", {"card": f"{NAME}/cards/{CARDS[number].card_id}"})


async def test_no_card_begins_as_archived(club: Club) -> None:
    """Neither with its program nor later."""
    new = programs_pb2.Card(card_id="new", earn_rate=CARDS[0].earn_rate, state=ARCHIVED)
    for call in (
        club.admin.programs.CreateProgram(program("tea", cards=[new])),
        _update(club, programs_pb2.Program(name=NAME, cards=[*CARDS, new])),
    ):
        assert (await told(call)).reason == "SETTINGS_INVALID"


@pytest.mark.parametrize("card", ["plain", ""])
async def test_all_that_was_can_be_read_and_what_is_there_is_spent_or_brought_back(club: Club, card: str) -> None:
    """Of an archived card until the last point; of an archived program what was paid before."""
    bought = (await club.earn(100)).transaction.name
    await club.spend(20)
    asked: list[Any] = [club.balance, club.history, club.lots]
    before = [await ask() for ask in asked]
    await club.archive(card)
    assert [await ask() for ask in asked] == before
    if card:
        assert (await club.spend(30)).balance.active == 50
    else:
        assert (await told(club.spend(30))).reason == "PROGRAM_ARCHIVED"
    await club.refund(bought, amount_minor=50)
    assert (await club.balance()).active == (0 if card else 30)
