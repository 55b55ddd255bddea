"""Cards and programs that are archived: nothing new begins with them, and what was there lives on."""

from dataclasses import replace
from enum import StrEnum

from rules.cards import Card
from rules.programs import Settings
from rules.refusals import CardArchived, CardStateWrong, ProgramArchived, ProgramStateWrong
from rules.states import Act

# An archived card gets no new points. In an archived program nothing begins; what had begun is brought to its end.
OF_ARCHIVED_CARD = frozenset(Act) - {Act.EARN, Act.ADD}
OF_ARCHIVED_PROGRAM = frozenset({Act.CAPTURE, Act.GIVE_BACK, Act.PUT_RIGHT})


class Archiving(StrEnum):
    """What a card or a program is."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


def state(archived: bool) -> Archiving:
    """The word for it."""
    return Archiving.ARCHIVED if archived else Archiving.ACTIVE


def check_active(settings: Settings, program: str) -> None:
    """Raises ProgramArchived; `program` is its public id."""
    if settings.archived:
        raise ProgramArchived(program=program)


def check_act(settings: Settings, card: Card, act: Act, program: str) -> None:
    """Raises ProgramArchived, CardArchived where an act of that kind is not done there any more."""
    if act not in OF_ARCHIVED_PROGRAM:
        check_active(settings, program)
    if card.archived and act not in OF_ARCHIVED_CARD:
        raise CardArchived(card=card.card_id)


def archive_program(settings: Settings, archived: bool, program: str) -> Settings:
    """The settings with the program in the other state. Raises ProgramStateWrong where it is in that one."""
    if settings.archived == archived:
        raise ProgramStateWrong(program=program, state=state(archived), wanted=state(not archived))
    return replace(settings, archived=archived)


def archive_card(settings: Settings, card_id: str, archived: bool, program: str) -> Settings:
    """The same of a card. Raises CardNotFound, ProgramArchived, CardStateWrong."""
    card = settings.card(card_id, program)
    check_active(settings, program)
    if card.archived == archived:
        raise CardStateWrong(card=card_id, state=state(archived), wanted=state(not archived))
    changed = replace(card, archived=archived)
    return replace(settings, cards=tuple(changed if one is card else one for one in settings.cards))
