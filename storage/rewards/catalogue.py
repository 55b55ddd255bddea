"""Changes the catalogue: rewards are made, changed, archived, and taken up again."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from rules import archiving, rewards
from rules.activity import Change
from rules.archiving import check_active
from rules.calendar import local_day
from rules.coupons.campaigns import check_active as campaign_is_active
from rules.coupons.refusals import RewardExists
from rules.programs import time_zone
from rules.refusals import StaleEtag
from rules.rewards import Offer, RewardTerms
from rules.updates import check_fixed
from storage.activity.commands import Scope, record
from storage.coupons import queries as campaigns
from storage.engine.commands import CommandContext
from storage.engine.ids import new_uuid, typeid
from storage.engine.requests import Answer
from storage.engine.unit import Unit
from storage.programs import queries as programs
from storage.programs.queries import Program
from storage.rewards import queries
from storage.rewards.queries import Reward
from storage.rewards.records import RewardRow, RewardVersionRow
from storage.stock import commands as stock


class CreateReward(NamedTuple):
    """A new reward; an empty `reward_id` lets us choose."""

    program_id: str
    reward_id: str
    offer: Offer
    context: CommandContext

    def answers(self) -> type[Reward]:
        """The reward."""
        return Reward

    def decide(self, unit: Unit) -> Answer[Reward]:
        """Raises ProgramNotFound, ProgramArchived, RewardExists, TermsInvalid, CardNotFound, CampaignNotFound,
        CampaignArchived."""
        context, offer = self.context, self.offer
        program = programs.get(self.program_id, context.caller)
        check_active(program.settings, program.program_id)
        reward_id = self.reward_id or typeid("reward", new_uuid().int)
        if RewardRow.select().where((RewardRow.program == program.id) & (RewardRow.reward_id == reward_id)).exists():
            raise RewardExists(reward=reward_id)
        _check_terms(unit, program, offer.terms)
        activity = record(
            unit,
            context.origin,
            f"{program.name}/rewards/{reward_id}",
            Scope(program.id),
            details={**_told(offer), "price_points": offer.terms.price_points, "settings": _plain(offer)},
            request_id=context.request.request_id,
        )
        unit.write()
        made = stock.create(unit.connection, program.id, offer.terms.stock or None)
        number = RewardRow.insert(
            program=program.id,
            reward_id=reward_id,
            version=1,
            stock=made,
            created_at=unit.now,
            updated_at=unit.now,
            activity=activity,
            **_columns(offer),
        ).execute()
        _keep_version(number, 1, offer, unit, activity)
        return Answer(
            Reward(number, program.program_id, reward_id, 1, offer, False, made, 0, unit.now, unit.now), activity
        )


class UpdateReward(NamedTuple):
    """New values for some fields, by their names; those of its terms as `terms.stock`. An empty etag agrees to any
    state. `fixed` are values of fields that no update can change, by the names of the contract, which must be what
    stands. What changes nothing leaves no record."""

    program_id: str
    reward_id: str
    etag: str
    changes: dict[str, Any]
    context: CommandContext
    fixed: tuple[tuple[str, Any], ...] = ()

    def answers(self) -> type[Reward]:
        """The reward."""
        return Reward

    def decide(self, unit: Unit) -> Answer[Reward]:
        """Raises ProgramNotFound, RewardNotFound, StaleEtag, ProgramArchived, RewardArchived, FieldFixed, TermsInvalid,
        CardNotFound, CampaignNotFound, CampaignArchived."""
        context = self.context
        program, old = _locked(self.program_id, self.reward_id, self.etag, context)
        check_active(program.settings, program.program_id)
        rewards.check_active(old.archived, old.reward_id)
        stands = {
            "state": archiving.state(old.archived),
            "version": old.version,
            "create_time": old.created_at,
            "update_time": old.updated_at,
        }
        check_fixed(self.fixed, stands)
        offer = old.offer.changed(self.changes)
        if offer == old.offer:
            return Answer(old, None)
        if offer.terms != old.offer.terms:
            rewards.check_change(old.offer.terms, offer.terms)
            _check_terms(unit, program, offer.terms)
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=_differences(old.offer, offer),
            details=_told(offer),
            request_id=context.request.request_id,
        )
        unit.write()
        if offer.terms.stock != old.offer.terms.stock:
            stock.resize(unit.connection, old.stock, offer.terms.stock or None)
        new = old._replace(version=old.version + 1, offer=offer, updated_at=unit.now)
        _save(new, activity, version=new.version, **_columns(offer))
        _keep_version(new.id, new.version, offer, unit, activity)
        return Answer(new, activity)


class ArchiveReward(NamedTuple):
    """Ends the claims of a reward, or (not `archive`) lets it be claimed again. An empty etag agrees to any state."""

    program_id: str
    reward_id: str
    etag: str
    archive: bool
    context: CommandContext

    def answers(self) -> type[Reward]:
        """The reward."""
        return Reward

    def decide(self, unit: Unit) -> Answer[Reward]:
        """Raises ProgramNotFound, RewardNotFound, StaleEtag, RewardStateWrong, and ProgramArchived where it is to be
        claimed again."""
        context, reason = self.context, self.context.reason
        program, old = _locked(self.program_id, self.reward_id, self.etag, context)
        if not self.archive:
            check_active(program.settings, program.program_id)
        before = archiving.state(old.archived)
        rewards.check_state(old.archived, self.archive, old.reward_id, before)
        activity = record(
            unit,
            context.origin,
            old.name,
            Scope(program.id),
            changes=[Change("state", before, archiving.state(self.archive))],
            details=reason.added_to(_told(old.offer)),
            request_id=context.request.request_id,
            note=reason.note,
        )
        unit.write()
        new = old._replace(archived=self.archive, updated_at=unit.now)
        _save(new, activity, archived=new.archived)
        return Answer(new, activity)


def _locked(program_id: str, reward_id: str, etag: str, context: CommandContext) -> tuple[Program, Reward]:
    """A reward, to be changed, and its program. Raises ProgramNotFound, RewardNotFound, and StaleEtag unless the etag
    is empty or its own."""
    program = programs.get(program_id, context.caller)
    found = queries.get(program, reward_id, for_update=True)
    if etag and etag != found.etag:
        raise StaleEtag(etag=found.etag)
    return program, found


def _check_terms(unit: Unit, program: Program, terms: RewardTerms) -> None:
    campaign = None
    if terms.campaign_id:
        found = campaigns.get(program, terms.campaign_id)
        campaign_is_active(found.archived, found.campaign_id)
        campaign = found.terms
    today = local_day(program.now(unit.now), time_zone(program.settings.time_zone))
    rewards.check_terms(terms, program.settings, program.program_id, today, campaign)


def _columns(offer: Offer) -> dict[str, Any]:
    return {
        "display_name": offer.display_name,
        "description": offer.description,
        "terms": msgspec.to_builtins(offer.terms),
    }


def _save(reward: Reward, activity: str, **columns: Any) -> None:
    RewardRow.update(updated_at=reward.updated_at, activity=activity, **columns).where(
        RewardRow.id == reward.id
    ).execute()


def _keep_version(reward: int, version: int, offer: Offer, unit: Unit, activity: str) -> None:
    RewardVersionRow.insert(
        reward=reward, version=version, recorded_at=unit.now, activity=activity, **_columns(offer)
    ).execute()


def _told(offer: Offer) -> dict[str, Any]:
    """What every record of a reward says of it."""
    return {"called": offer.display_name, "card_id": offer.terms.card_id}


def _plain(offer: Offer) -> Any:
    """As a record has it: limits by their periods, nothing that is not there."""
    found = msgspec.to_builtins(offer)
    limits = {limit.period.value: limit.uses for limit in offer.terms.customer_limits}
    return {**found, "terms": {**found["terms"], "customer_limits": limits}}


def _differences(old: Offer, new: Offer) -> list[Change]:
    before, after = _flat(_plain(old)), _flat(_plain(new))
    changed = [field for field in {**before, **after} if before.get(field) != after.get(field)]
    return [Change(field, before.get(field), after.get(field)) for field in changed]


def _flat(value: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, one in value.items():
        found.update(_flat(one, f"{path}{key}.") if isinstance(one, dict) else {f"{path}{key}": one})
    return found
