"""Every command, ready to be done: the one catalogue of them on this side of the contract.

A command that is added to the table (server/commands.py) and forgotten here fails the tests that go through all.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, get_type_hints

from rules.access import Permission, Role, in_role
from rules.approvals.matching import Rule as ApprovalRule
from rules.clubs import Club as Birds
from rules.coupons.terms import Benefit, CustomerLimit, Period
from rules.coupons.terms import Terms as CouponTerms
from rules.passes.designs import PassKind
from rules.refunds import RollbackPolicy
from rules.retention import Effect
from rules.rewards import Offer, RewardTerms
from server.commands import Codec
from storage.access.certificates import RegisterCertificate, RevokeCertificate
from storage.access.credentials import CredentialKind, Token, new_token
from storage.access.keys import Bounds, CreateKey, RevokeKey, RotateKey
from storage.access.roles import CreateRole, DeleteRole, UpdateRole
from storage.access.services import NewService, RoleAt, UpdateService
from storage.activity.exporting.operations import ExportRequest, StartExport
from storage.activity.look import Search
from storage.approvals.configuring import CreateApprovalRule, DeleteApprovalRule, UpdateApprovalRule
from storage.approvals.deciding import ApproveRequest, RejectRequest, SubmitApprovalRequest, WithdrawRequest
from storage.clubs.commands import CreateClub, DeleteClub, JoinClub, UpdateClub
from storage.coupons.assigning.commands import AssignCoupons
from storage.coupons.campaigns import ArchiveCampaign, CreateCampaign, UpdateCampaign
from storage.coupons.generating.commands import GenerateCoupons
from storage.coupons.sharing import CreateSharedCoupon
from storage.coupons.voiding.commands import VoidCoupons
from storage.customers.closing import BlockCustomer, CloseCustomer
from storage.customers.commands import CreateCustomer, UpdateCustomer
from storage.customers.erasing import EraseCustomer
from storage.customers.merging import MergeCustomers
from storage.customers.queries import Profile
from storage.customers.states import ReactivateCustomer, SuspendCustomer
from storage.customers.unmerging import UnmergeCustomers
from storage.engine.commands import ColdCommand, CommandContext
from storage.ledger.addresses import CustomerName
from storage.ledger.commands import Command
from storage.ledger.redating.commands import RedateLots
from storage.ledger.redating.terms import Expiry, Terms
from storage.operations.commands import CancelOperation
from storage.organizations.commands import (
    CreateNetwork,
    CreatePartner,
    DeleteNetwork,
    DeletePartner,
    TransferProgram,
    UpdateNetwork,
    UpdatePartner,
)
from storage.passes.acts import EmailPass, PushPass, VoidPass
from storage.passes.images import UploadImage
from storage.passes.issuing import IssuePass
from storage.passes.linking import GetSaveLinks, LinkName, RevokeLink
from storage.passes.reading.passes import PassName
from storage.passes.templates import ArchiveTemplate, CreateTemplate, UpdateTemplate
from storage.programs.archiving import ArchiveCard, ArchiveProgram
from storage.programs.commands import AdvanceTestClock, CreateProgram, UpdateProgram
from storage.retention.commands import LiftLegalHold, PlaceLegalHold, UpdateRetention
from storage.retention.queries import Rule
from storage.rewards.catalogue import ArchiveReward, CreateReward, UpdateReward
from tests.personal import WALLET
from tests.pictures import png
from tests.storage import administering, members, operating
from tests.storage.approvals.submitting import as_somebody, ask_somebody
from tests.storage.coupons import issuing
from tests.storage.policies import Policies
from tests.storage.scene import CALLER, SETTINGS, START, Scene, asked

DAY = timedelta(days=1)
BONUS = CouponTerms(Benefit.POINTS, points=40, card_id="monthly")


def commands(codecs: Mapping[type[Any], Codec]) -> set[type[Any]]:
    """The commands that a part of the table makes of requests."""
    return {get_type_hints(codec.command)["return"] for codec in codecs.values()}


# Those that are gathered, after the past of `live_a_while`; `how` it is asked for is up to the test.
ACTS: dict[str, Callable[[Policies, dict[str, Any]], Command]] = {
    "record": lambda shop, how: shop.purchase(70, card="monthly", transaction_id="new", **how),
    "record pending": lambda shop, how: shop.purchase(70, card="slow", transaction_id="new", **how),
    "record sliding": lambda shop, how: shop.purchase(70, card="sliding", transaction_id="new", **how),
    "update": lambda shop, how: shop.correction("pending", 30, **how),
    "accept": lambda shop, how: shop.decision("pending", accept=True, **how),
    "reject": lambda shop, how: shop.decision("pending", accept=False, **how),
    "refund": lambda shop, how: shop.refund("paid", 60, **how),
    "refund pending": lambda shop, how: shop.refund("pending", 60, **how),
    "refund with points": lambda shop, how: shop.refund("with points", 50, **how),
    "write off": lambda shop, how: shop.write_off(1, 10, card="owing", **how),
    "spend": lambda shop, how: shop.spending(25, card="monthly", reference="order 7", **how),
    "claim": lambda shop, how: shop.claim("two", card="stamps", reference="a coffee", **how),
    "claim with a pass": lambda shop, how: shop.claim("two", card="stamps", template="gift", **how),
    "cancel claim": lambda shop, how: shop.cancelling(shop.claimed, **how),
    "roll back": lambda shop, how: shop.rollback(2, 15, **how),
    "roll back and extend": lambda shop, how: shop.rollback(
        2, 15, policy=RollbackPolicy.EXTEND_TO, until=START + 99 * DAY, **how
    ),
    "roll back without restoring": lambda shop, how: shop.rollback(2, policy=RollbackPolicy.NO_RESTORE, **how),
    "hold": lambda shop, how: shop.hold(25, card="monthly", reference="basket", **how),
    "capture": lambda shop, how: shop.capture(1, 5, **how),
    "release": lambda shop, how: shop.release(1, **how),
    "add": lambda shop, how: shop.adjustment(25, card="monthly", **how),
    "take away": lambda shop, how: shop.adjustment(-25, card="monthly", **how),
    "activate": lambda shop, how: shop.lot(1, activate=True, card="slow", **how),
    "cancel": lambda shop, how: shop.lot(1, activate=False, card="slow", **how),
    "transfer": lambda shop, how: shop.transfer(25, card="monthly", **how),
    "assign": lambda shop, how: shop.assign(shop.coded("FREE1"), **how),
    "assign with a pass": lambda shop, how: shop.assign(shop.coded("FREE1"), template="coupon", **how),
    "reserve": lambda shop, how: shop.reserve(shop.coded("FREE1"), order_id="basket", **how),
    "let go": lambda shop, how: shop.let_go("held", **how),
    "redeem": lambda shop, how: shop.redeem(shop.coded("FREE1"), card="monthly", spend=5, order_id="basket", **how),
    "redeem what is reserved": lambda shop, how: shop.redeem(shop.coded("HELD1"), order_id="held", **how),
    "redeem points": lambda shop, how: shop.redeem(shop.coded("BONUS1"), card="monthly", order_id="basket", **how),
    "give back": lambda shop, how: shop.give_back(shop.redeemed, **how),
    "void": lambda shop, how: shop.void(shop.coded("ADAS1"), **how),
    "record event": lambda shop, how: shop.event("visited", properties=(("shop", "12"),), **how),
    "record event that gives": lambda shop, how: shop.event("reviewed", **how),
    "record activity": lambda shop, how: shop.activity(**how),
    "record event that was waited for": lambda shop, how: shop.event("order.delivered", about="ordered", **how),
}


def live_a_while(made: Policies) -> Policies:
    """A customer with a past: pending, active and sliding points, a hold, a debt, a spending; more falls due soon."""
    made.earn(100, transaction_id="paid")
    made.do(made.spending(40, pays_for="with points"))
    made.earn(80, transaction_id="with points")
    made.do(made.hold(10))
    made.do(made.hold(5, ttl_s=3600))
    made.earn(60, card="slow", transaction_id="pending")
    made.earn(90, card="monthly")
    made.earn(50, card="sliding")
    made.earn(30, card="owing", transaction_id="owed")
    made.do(made.spending(30, card="owing"))
    made.do(made.refund("owed"))
    made.earn(35, card="stamps")
    made.offer("two", "stamps", 20, stock=5)
    made.offer("mug", "monthly", 5, customer_limits=(CustomerLimit(Period.DAY, 2),))
    made.claimed = made.do(made.claim(card="monthly")).value.claim
    made.earn(20, card="delivered", transaction_id="ordered")
    made.advance(DAY / 2)
    issuing.campaign(made)
    issuing.campaign(made, "bonus", BONUS)
    for code in ("FREE1", "HELD1", "USED1"):
        issuing.coupon(made, code=code)
    issuing.coupon(made, "bonus", code="BONUS1")
    issuing.coupon(made, name="ada", code="ADAS1")
    made.template("coupon", kind=PassKind.COUPON, card_id="")
    made.template("gift", kind=PassKind.GENERIC, card_id="")
    made.do(made.reserve(made.coded("HELD1"), order_id="held", ttl_s=604_800))
    made.redeemed = made.do(made.redeem(made.coded("USED1"), order_id="paid")).value.redemptions[0].id
    return made


def _reactivate(scene: Scene, context: CommandContext) -> ReactivateCustomer:
    members.suspend(scene)
    return ReactivateCustomer("coffee", "ada", context)


def _part(scene: Scene, context: CommandContext) -> UnmergeCustomers:
    members.merge(scene)
    return UnmergeCustomers("coffee", "ada", context)


def _cancel(scene: Scene, context: CommandContext) -> CancelOperation:
    scene.earn(5)
    return CancelOperation(operating.begin(scene, _TERMS).name, context)


def _campaign(scene: Scene) -> str:
    """The id of a campaign that codes for many can be made of."""
    scene.carry_out(CreateCampaign("coffee", "spring", "Spring", _COUPON_TERMS, asked("campaign")))
    return "spring"


def _lift(scene: Scene, context: CommandContext) -> LiftLegalHold:
    placed = scene.carry_out(PlaceLegalHold(CustomerName("coffee", "ada"), asked("case")))
    return LiftLegalHold(placed.value.name, context)


def _network(scene: Scene) -> str:
    return scene.carry_out(CreateNetwork("north", "North", asked("made first"))).value.network_id


def _partner(scene: Scene) -> str:
    return scene.carry_out(CreatePartner("beans", "", "Beans", asked("made first"))).value.partner_id


def _club(scene: Scene) -> str:
    return scene.carry_out(CreateClub("coffee", "birds", Birds("Early birds"), asked("made first"))).value.club_id


def _update_reward(scene: Scene, context: CommandContext) -> UpdateReward:
    scene.offer()
    return UpdateReward("coffee", "mug", "", {"terms.price_points": 80, "terms.stock": 5}, context)


def _archive_reward(scene: Scene, context: CommandContext) -> ArchiveReward:
    scene.offer()
    return ArchiveReward("coffee", "mug", "", True, context)


def _pass(scene: Scene) -> PassName:
    """A card of points of ada's, who has a mail address."""
    scene.carry_out(UpdateCustomer("coffee", "ada", "", {"email": "ada@example.com"}, asked("address")))
    owner, template = CustomerName("coffee", "ada"), scene.template().template_id
    return scene.carry_out(IssuePass(owner, template, None, None, asked("pass"))).value.name


def _link(scene: Scene) -> LinkName:
    return scene.carry_out(GetSaveLinks(_pass(scene), 0, WALLET, PASSES_URL, asked("link"))).value.name


def _update_rule(scene: Scene, context: CommandContext) -> UpdateApprovalRule:
    scene.carry_out(CreateApprovalRule("coffee", _LARGE, as_somebody(asked("rule"))))
    return UpdateApprovalRule("coffee", _LARGE._replace(above=7), "", as_somebody(context))


def _delete_rule(scene: Scene, context: CommandContext) -> DeleteApprovalRule:
    scene.carry_out(CreateApprovalRule("coffee", _LARGE, as_somebody(asked("rule"))))
    return DeleteApprovalRule("coffee", "large", "", as_somebody(context))


_LARGE = ApprovalRule("large", ("AdjustPoints",), "points", above=1000)


def _by_boss(context: CommandContext) -> CommandContext:
    """Asked by somebody who may give what is given."""
    return context._replace(caller=in_role(CALLER.id, CALLER.name, Role.ADMINISTRATOR))


def _role(scene: Scene) -> str:
    made = CreateRole("desk", "Desk", frozenset({Permission.POINTS_EARN}), _by_boss(asked("role")))
    return scene.carry_out(made).value.role_id


def _token() -> Token:
    return new_token(CredentialKind.KEY)


def _key(scene: Scene) -> tuple[str, str]:
    made = scene.carry_out(CreateKey(DESK, Bounds(), None, "", _token(), _by_boss(asked("key")))).value
    return made.service, made.id


def _certificate(scene: Scene) -> tuple[str, str]:
    register = RegisterCertificate(DESK, Bounds(), "desk.example.com", _by_boss(asked("certificate")))
    made = scene.carry_out(register).value
    return made.service, made.id


DESK = NewService("desk", (RoleAt("SERVICE", "programs/coffee"),))
PASSES_URL = "https://passes.example.com"
_TERMS = Terms("plain", Expiry.NEVER)
_COUPON_TERMS = CouponTerms(Benefit.PERCENT_OFF, basis_points=1000, unlimited_for_customer=True)
# The others, each to be done once in a scene of ada and ben, to which may happen before what it needs.
COLD_ACTS: dict[type[ColdCommand[Any]], Callable[[Scene, CommandContext], ColdCommand[Any]]] = {
    CreateProgram: lambda scene, context: CreateProgram("tea", SETTINGS, None, context),
    UpdateProgram: lambda scene, context: UpdateProgram("coffee", "", {"display_name": "Tea"}, context),
    ArchiveProgram: lambda scene, context: ArchiveProgram("coffee", "", True, context),
    ArchiveCard: lambda scene, context: ArchiveCard("coffee", "plain", "", True, context),
    AdvanceTestClock: lambda scene, context: AdvanceTestClock("coffee", START + DAY, context),
    CreateCustomer: lambda scene, context: CreateCustomer("coffee", "gwen", Profile("Gwendolyn"), context),
    UpdateCustomer: lambda scene, context: UpdateCustomer(
        "coffee", "ada", members.customer(scene, "ada").etag, {"display_name": "Ada"}, context
    ),
    SuspendCustomer: lambda scene, context: SuspendCustomer("coffee", "ada", context),
    ReactivateCustomer: _reactivate,
    BlockCustomer: lambda scene, context: BlockCustomer("coffee", "ada", context),
    CloseCustomer: lambda scene, context: CloseCustomer("coffee", "ada", context),
    EraseCustomer: lambda scene, context: EraseCustomer("coffee", "ada", context),
    MergeCustomers: lambda scene, context: MergeCustomers("coffee", "ada", "coffee", "ben", context),
    UnmergeCustomers: _part,
    RedateLots: lambda scene, context: RedateLots("coffee", "", _TERMS, context),
    CancelOperation: _cancel,
    StartExport: lambda scene, context: StartExport(
        ExportRequest(Search("coffee"), "CSV", "UTC", "", sees_origin=True), (), context
    ),
    CreateApprovalRule: lambda scene, context: CreateApprovalRule("coffee", _LARGE, as_somebody(context)),
    UpdateApprovalRule: _update_rule,
    DeleteApprovalRule: _delete_rule,
    SubmitApprovalRequest: lambda scene, context: SubmitApprovalRequest(
        ask_somebody(scene, is_draft=True), "", "It was promised.", as_somebody(context, "caller_2")
    ),
    WithdrawRequest: lambda scene, context: WithdrawRequest(ask_somebody(scene), "", as_somebody(context, "caller_2")),
    ApproveRequest: lambda scene, context: ApproveRequest(ask_somebody(scene), "", as_somebody(context)),
    RejectRequest: lambda scene, context: RejectRequest(ask_somebody(scene), "", as_somebody(context)),
    UpdateRetention: lambda scene, context: UpdateRetention(
        "coffee", "", (Rule("CUSTOMERS", Effect.READ, 30),), context
    ),
    PlaceLegalHold: lambda scene, context: PlaceLegalHold(CustomerName("coffee", "ada"), context),
    LiftLegalHold: _lift,
    CreateCampaign: lambda scene, context: CreateCampaign("coffee", "spring", "Spring", _COUPON_TERMS, context),
    UpdateCampaign: lambda scene, context: UpdateCampaign(
        "coffee", _campaign(scene), "", {"uses_max": 100, "uses_per_code": 10}, context
    ),
    ArchiveCampaign: lambda scene, context: ArchiveCampaign("coffee", _campaign(scene), "", True, context),
    CreateSharedCoupon: lambda scene, context: CreateSharedCoupon(
        "coffee", _campaign(scene), "c0de" * 9, "2026", context
    ),
    GenerateCoupons: lambda scene, context: GenerateCoupons("coffee", _campaign(scene), 10, "", context),
    AssignCoupons: lambda scene, context: AssignCoupons("coffee", _campaign(scene), (), context),
    VoidCoupons: lambda scene, context: VoidCoupons("coffee", _campaign(scene), None, None, False, context),
    CreateReward: lambda scene, context: CreateReward(
        "coffee", "mug", Offer("Mug", "", RewardTerms("plain", 60)), context
    ),
    UpdateReward: _update_reward,
    ArchiveReward: _archive_reward,
    IssuePass: lambda scene, context: IssuePass(
        CustomerName("coffee", "ada"), scene.template().template_id, None, None, context
    ),
    VoidPass: lambda scene, context: VoidPass(_pass(scene), context),
    EmailPass: lambda scene, context: EmailPass(_pass(scene), WALLET, PASSES_URL, context),
    PushPass: lambda scene, context: PushPass(_pass(scene), context),
    GetSaveLinks: lambda scene, context: GetSaveLinks(_pass(scene), 0, WALLET, PASSES_URL, context),
    RevokeLink: lambda scene, context: RevokeLink(_link(scene), context),
    UploadImage: lambda scene, context: UploadImage("coffee", png(), context),
    CreateTemplate: lambda scene, context: CreateTemplate("coffee", "card", "Card", scene.design(), context),
    UpdateTemplate: lambda scene, context: UpdateTemplate(
        "coffee", scene.template().template_id, "", {"design.organization_name": "Other"}, context
    ),
    CreateRole: lambda scene, context: CreateRole(
        "desk", "Desk", frozenset({Permission.POINTS_EARN}), _by_boss(context)
    ),
    UpdateRole: lambda scene, context: UpdateRole(_role(scene), "", "Till", None, _by_boss(context)),
    DeleteRole: lambda scene, context: DeleteRole(_role(scene), "", _by_boss(context)),
    CreateKey: lambda scene, context: CreateKey(DESK, Bounds(), None, "", _token(), _by_boss(context)),
    RotateKey: lambda scene, context: RotateKey(*_key(scene), DAY, None, _token(), _by_boss(context)),
    RevokeKey: lambda scene, context: RevokeKey(*_key(scene), _by_boss(context)),
    RegisterCertificate: lambda scene, context: RegisterCertificate(
        DESK, Bounds(), "desk.example.com", _by_boss(context)
    ),
    RevokeCertificate: lambda scene, context: RevokeCertificate(*_certificate(scene), _by_boss(context)),
    UpdateService: lambda scene, context: UpdateService(_key(scene)[0], "", None, {"READ": 60}, _by_boss(context)),
    ArchiveTemplate: lambda scene, context: ArchiveTemplate("coffee", scene.template().template_id, "", True, context),
    **administering.ACTS,
    CreateNetwork: lambda scene, context: CreateNetwork("north", "North", context),
    UpdateNetwork: lambda scene, context: UpdateNetwork(_network(scene), "", {"display_name": "Far north"}, context),
    DeleteNetwork: lambda scene, context: DeleteNetwork(_network(scene), "", context),
    CreatePartner: lambda scene, context: CreatePartner("beans", "", "Beans", context),
    UpdatePartner: lambda scene, context: UpdatePartner(_partner(scene), "", {"display_name": "Peas"}, context),
    DeletePartner: lambda scene, context: DeletePartner(_partner(scene), "", context),
    TransferProgram: lambda scene, context: TransferProgram("coffee", _partner(scene), context),
    CreateClub: lambda scene, context: CreateClub("coffee", "birds", Birds("Early birds"), context),
    UpdateClub: lambda scene, context: UpdateClub("coffee", _club(scene), "", {"display_name": "Larks"}, context),
    DeleteClub: lambda scene, context: DeleteClub("coffee", _club(scene), "", context),
    JoinClub: lambda scene, context: JoinClub("coffee", _club(scene), "ada", True, context),
}
