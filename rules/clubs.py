"""Clubs: what a club groups must be there."""

from collections.abc import Collection
from typing import NamedTuple

from rules.coupons.refusals import RewardNotFound
from rules.programs import Settings
from rules.refusals import Refusal


class ClubNotFound(Refusal):
    """There is no such club of {program}."""


class ClubExists(Refusal):
    """There is, or was, a club {club} already; choose another club_id."""


class Club(NamedTuple):
    """What is decided of a club: how it is called, and which cards and rewards (public ids) belong to it."""

    display_name: str
    description: str = ""
    card_ids: tuple[str, ...] = ()
    reward_ids: tuple[str, ...] = ()


def check(club: Club, settings: Settings, program: str, rewards: Collection[str]) -> None:
    """Whether all that it groups is in the program, which has these rewards of them. Raises CardNotFound,
    RewardNotFound."""
    for card_id in club.card_ids:
        settings.card(card_id, program)
    if not set(club.reward_ids) <= set(rewards):
        raise RewardNotFound(program=program)
