"""Gives households their cards through the public contract: a template, a card for each, and a mail with it."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from cli.phones import template
from cli.phones.households import Households
from fealty import AsyncFealty, Refused
from fealty.v1 import passes_pb2

# Cards being made at once.
CARDS_IN_HAND = 8


class Cards:
    """Of a program, by its resource name; `request_id` names a request by what it makes."""

    def __init__(self, program: str, card_id: str, request_id: Callable[[str], str], households: Households) -> None:
        self._program = program
        self._card_id = card_id
        self._request_id = request_id
        self._households = households
        self._template = template.name(program)

    async def begin(self, fealty: AsyncFealty, customers: Iterable[int]) -> None:
        """Makes the template where there is none. Phones of those who are customers already have their cards again."""
        await template.make(fealty, self._program, self._card_id, self._request_id)
        await asyncio.to_thread(self._households.restore)
        await self.give_again(fealty, customers)

    async def mail(self, fealty: AsyncFealty, customers: Iterable[int]) -> None:
        """Issues a card to each of those who have phones, and mails it."""

        async def give(household: int) -> None:
            card = await self._card(fealty, household)
            request_id = self._request_id(f"mail-{household}")
            await fealty.passes.EmailPass(passes_pb2.EmailPassRequest(name=card, request_id=request_id))

        await self._each(give, customers)

    async def give_again(self, fealty: AsyncFealty, customers: Iterable[int]) -> None:
        """Those of them whose phones have no card, for the demo was killed with their mail in hand, ask for a link."""

        async def give(household: int) -> None:
            request = passes_pb2.GetSaveLinksRequest(
                name=await self._card(fealty, household), request_id=str(uuid.uuid4())
            )
            self._households.open(household, (await fealty.passes.GetSaveLinks(request)).url)

        await self._each(give, self._households.lacking(customers))

    def evening(self, passed: float) -> None:
        """That part of the days has passed."""
        self._households.evening(passed)

    async def _card(self, fealty: AsyncFealty, household: int) -> str:
        """The name of a household's card, which is made where there is none."""
        customer = f"{self._program}/customers/household-{household}"
        request = passes_pb2.IssuePassRequest(
            parent=customer, pass_template=self._template, request_id=self._request_id(f"card-{household}")
        )
        try:
            return (await fealty.passes.IssuePass(request)).wallet_pass.name
        except Refused as refused:
            # Made by a replay so long ago that its request is forgotten.
            if refused.reason != "PASS_EXISTS":
                raise
        found = await fealty.passes.ListPasses(passes_pb2.ListPassesRequest(parent=customer))
        return next(one.name for one in found.passes if one.pass_template == self._template)

    async def _each(self, give: Callable[[int], Coroutine[Any, Any, None]], households: Iterable[int]) -> None:
        places = asyncio.Semaphore(CARDS_IN_HAND)

        async def one(household: int) -> None:
            async with places:
                await give(household)

        await asyncio.gather(*(one(household) for household in households if household in self._households.phones))
