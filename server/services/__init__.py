"""One thin servicer for each service: convert in, one operation, convert out."""

from collections.abc import Callable, Sequence
from typing import Any

from server.paging import Pages
from server.services.access import Access
from server.services.approvals import Approvals
from server.services.audit import Audit
from server.services.clubs import Clubs
from server.services.coupon_campaigns import CouponCampaigns
from server.services.coupons import Coupons
from server.services.credentials import Credentials
from server.services.customers import Customers
from server.services.events import Events
from server.services.holds import Holds
from server.services.ingest import Ingest
from server.services.lots import Lots
from server.services.operations import Operations
from server.services.organizations import Organizations
from server.services.pass_templates import PassTemplates
from server.services.passes import Passes
from server.services.points import Points
from server.services.programs import Programs
from server.services.reports import Reports
from server.services.retention import Retention
from server.services.rewards import Rewards
from server.services.roles import Roles
from server.services.transactions import Transactions
from server.services.users import Users
from storage.books import Books

SERVICES: Sequence[Callable[[Books, Pages], Any]] = (
    Programs,
    Customers,
    Transactions,
    Points,
    Holds,
    Lots,
    Operations,
    Events,
    Ingest,
    Reports,
    Audit,
    Retention,
    CouponCampaigns,
    Coupons,
    Rewards,
    PassTemplates,
    Passes,
    Users,
    Approvals,
    Access,
    Roles,
    Credentials,
    Organizations,
    Clubs,
)
