"""Whether acts need approval: known from memory for nearly all, asked of the books for those that rules are about.

The books refuse an act that may be under approval and was not checked against the rules in force; so what is remembered
here may be old, and nothing is done by it that should not be.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from rules.approvals.matching import RequestFacts, may_match
from rules.approvals.refusals import ApprovalNeedsCall, ApprovalRequired
from server.asked import asked_of, customers_of
from server.convert.roles import roles_of
from storage.approvals import queries
from storage.approvals.asking import AskApproval, Verdict, ask
from storage.approvals.ruling import Ruling, ruling
from storage.approvals.submitting import Frozen
from storage.books import Books
from storage.engine.commands import CommandContext
from storage.engine.database import Busy

# Programs whose rules are remembered: some kilobytes each.
REMEMBERED_MAX = 1_000
# How often rules may change while one act is checked against them; each takes somebody some seconds.
ATTEMPTS_MAX = 5

# Has the books do a command, or raises what stands against it.
Do: TypeAlias = Callable[[Any], Awaitable[Any]]


class Approving:
    """What one process knows of the rules of programs."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._known: dict[str, Ruling] = {}

    def passed(self, command: Any, message: Any) -> Any:
        """A command that needs no approval by what is remembered is checked by that; else the same."""
        context: CommandContext = command.context
        known = self._known.get(context.program)
        if known is None:
            return command
        method = context.request.method
        rules = [rule for rule in known.rules.values() if method in rule.methods]
        if not rules or may_match(rules, asked_of(method, message)):
            return command
        return checked(command, known.version)

    async def learn(self, program: str) -> Ruling:
        """The rules of a program, read anew."""
        found = await self._books.oversee("", lambda unit: ruling(unit.connection, program))
        if len(self._known) >= REMEMBERED_MAX:
            self._known.clear()
        self._known[program] = found
        return found

    async def carry_out(self, command: Any, message: Any, subject: str, do: Do) -> Any:
        """The answer to a command that may need approval: done where it needs none. Raises ApprovalRequired where it
        was asked for, and what stands against the act as things are."""
        context: CommandContext = command.context
        for _ in range(ATTEMPTS_MAX):
            known = await self.learn(context.program)
            command = self.passed(command, message)
            if command.context.checked != known.version:
                command = checked(command, await self._asked(command, message, subject, do))
            try:
                return await do(command)
            except ApprovalNeedsCall:
                # Its rules changed meanwhile.
                continue
        raise Busy("the rules of approval change all the time")

    async def _asked(self, command: Any, message: Any, subject: str, do: Do) -> int:
        """The version of the rules by which it needs no approval. Raises ApprovalRequired."""
        context: CommandContext = command.context
        asked = asked_of(context.request.method, message)
        asking = AskApproval(frozen(context, message, subject, asked), asked, context)
        verdict = await self._ask(asking)
        if verdict.is_needed:
            # What cannot be done now is not asked for.
            await do(command._replace(context=context._replace(validate_only=True)))
            verdict = await self._ask(asking._replace(is_fit=True))
        if verdict.name:
            raise ApprovalRequired(approval_request=verdict.name)
        return verdict.version

    async def _ask(self, asking: AskApproval) -> Verdict:
        return await self._books.oversee(asking.context.caller.id, lambda unit: ask(unit, asking))


async def as_it_stands(books: Books, asked_for: ApprovalRequired) -> ApprovalRequired:
    """What whoever asks is told by now: the answer that is kept is as old as the request, which may have ended."""
    name = asked_for.facts["approval_request"]
    state = await books.oversee("", lambda unit: queries.state_of(name, unit.now))
    return ApprovalRequired(name, state)


def checked(command: Any, version: int) -> Any:
    """A command that was found to need no approval by that version of the rules."""
    return command._replace(context=command.context._replace(checked=version))


def frozen(context: CommandContext, message: Any, subject: str, asked: RequestFacts) -> Frozen:
    """A request as it is kept until it is approved."""
    return Frozen(
        context.request.method,
        message.SerializeToString(deterministic=True),
        context.request.content_hash,
        subject,
        context.program,
        customers_of(message),
        asked.figures,
        roles=roles_of(message),
    )
