"""Claims of rewards."""

from typing import Any

from fealty.v1 import rewards_pb2 as pb
from server.call import Call
from server.convert import names
from server.convert.balances import fill_balance, fill_new_entry
from server.convert.coupons import fill_coupon
from server.convert.passes import fill as fill_pass
from server.convert.passes import wanted_template
from server.convert.redeeming import code_of, fresh_code
from server.convert.requests import context, fill_receipt, set_instant
from server.errors import RequestInvalid
from storage.coupons.sealing import CodeSeals
from storage.engine.commands import NO_REASON
from storage.engine.requests import Answer
from storage.ledger.entries import EntryFacts
from storage.rewards.acts import CancelClaim, ClaimReward, RewardClaimed
from storage.rewards.claims import ClaimRead

_STATES: dict[str, Any] = {name.removeprefix("CLAIM_STATE_"): state for name, state in pb.ClaimState.items()}


def claim_reward(call: Call, message: pb.ClaimRewardRequest) -> ClaimReward:
    """The command in a request. Raises PermissionMissing, and RequestInvalid where the reward or the template is of
    another program."""
    address = names.address(message.account)
    program, reward_id = names.reward(message.reward)
    if program != address.program:
        raise RequestInvalid([("reward", "must be a reward of the program of the account")])
    template_id = wanted_template(call, message, program)
    fresh = fresh_code(call, program)
    return ClaimReward(address, reward_id, message.reference, fresh, context(call, message), template_id)


def claimed(command: ClaimReward, answer: Answer[RewardClaimed]) -> pb.ClaimRewardResponse:
    """What is answered to it."""
    response = pb.ClaimRewardResponse()
    value = answer.value
    fill(response.claim, value.claim)
    if value.coupon is not None:
        fill_coupon(response.coupon, value.coupon)
    if value.issued is not None:
        fill_pass(response.wallet_pass, value.issued)
    assert value.entry is not None
    facts = EntryFacts(command.reference)
    fill_new_entry(response.entry, command.address, value.entry, value, answer.activity, NO_REASON, facts)
    fill_balance(response.balance, command.address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def reveal_claimed(seals: CodeSeals, command: ClaimReward, answer: Answer[RewardClaimed], response: Any) -> None:
    """The code of the coupon, for who is to hand it to the customer. Where somebody only asks, nobody has it."""
    if answer.value.coupon is not None and not command.context.validate_only:
        response.code = code_of(seals, command.address.program, answer.value.coupon)


def cancel_claim(call: Call, message: pb.CancelClaimRequest) -> CancelClaim:
    """The command in a request. Raises ClaimNotFound, and RequestInvalid where the account is another program's."""
    name, address = names.claim(message.name), names.address(message.account)
    if name.program != address.program:
        raise RequestInvalid([("account", "must be an account of the program of the claim")])
    return CancelClaim(address, name, context(call, message))


def cancelled(command: CancelClaim, answer: Answer[RewardClaimed]) -> pb.CancelClaimResponse:
    """What is answered to it."""
    response = pb.CancelClaimResponse()
    value = answer.value
    fill(response.claim, value.claim)
    if value.entry is not None:
        fill_new_entry(response.entry, command.address, value.entry, value, answer.activity, command.context.reason)
    fill_balance(response.balance, command.address, value.balance)
    fill_receipt(response.receipt, answer)
    return response


def fill(shown: pb.Claim, found: ClaimRead) -> None:
    """A claim as the contract shows it."""
    claim, program = found.claim, f"programs/{found.owner.program}"
    shown.name = found.name.name
    shown.state = _STATES[claim.state]
    shown.reward = f"{program}/rewards/{found.reward_id}"
    shown.reward_version = claim.version
    shown.account = found.account.name
    shown.points = claim.points
    shown.entry = f"{found.account.name}/entries/{claim.seq}"
    shown.coupon = found.coupon
    shown.reference = claim.reference
    set_instant(shown.create_time, claim.created_at)
    if claim.cancelled_at is not None:
        set_instant(shown.cancel_time, claim.cancelled_at)
    shown.activity = names.activity(claim.activity)
