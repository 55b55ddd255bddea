"""What the books keep of coupons, each noun once."""

from rules.coupons.coupons import Coupon, Redemption
from storage.engine.records import Record

# As it stands. `campaign_id` is its public id, `stock` counts its uses, `batches` those that were begun.
CAMPAIGNS: Record[None] = Record(
    "coupon_campaign",
    None,
    key={"id": "integer"},
    changes=["version", "display_name", "terms", "archived", "batches", "updated_at", "activity"],
    beside={
        "program": "integer",
        "campaign_id": "text",
        "version": "integer",
        "display_name": "text",
        "terms": "jsonb",
        "archived": "boolean",
        "stock": "bigint",
        "batches": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "activity": "uuid",
    },
)

# Terms as they were from one change to the next. Append-only.
CAMPAIGN_VERSIONS: Record[None] = Record(
    "coupon_campaign_version",
    None,
    key={"campaign": "integer", "version": "integer"},
    beside={"display_name": "text", "terms": "jsonb", "activity": "uuid"},
    recorded=True,
)

# Coupons that were made together; they cannot be seen before they are published. `coupons` are those that were made,
# `removed_to` says how far those of a discarded one are removed.
# One that is imported has no activity until its file is known.
BATCHES: Record[None] = Record(
    "coupon_batch",
    None,
    key={"campaign": "integer", "number": "integer"},
    changes=["coupons", "published_at", "discarded_at", "exported_at", "removed_to", "activity"],
    beside={
        "program": "integer",
        "origin": "text",
        "pattern": "text",
        "coupons": "bigint",
        "created_at": "timestamptz",
        "published_at": "timestamptz?",
        "discarded_at": "timestamptz?",
        "exported_at": "timestamptz?",
        "removed_to": "uuid?",
        "operation": "uuid?",
        "activity": "uuid?",
    },
)

# The code is sealed (docs/decisions/0039); in hand it is hexadecimal digits. `activity` added it to whose it is, null:
# that of its batch.
COUPONS: Record[Coupon] = Record(
    "coupon",
    Coupon,
    key={"campaign": "integer", "id": "uuid"},
    changes=[
        "customer",
        "added_at",
        "expires_at",
        "uses",
        "reserved",
        "balance_minor",
        "pooled",
        "voided_at",
        "activity",
    ],
    beside={"program": "integer", "code": "bytea", "activity": "uuid?"},
    elsewhere={"code": "encode({0}.code, 'hex')"},
)

REDEMPTIONS: Record[Redemption] = Record(
    "redemption",
    Redemption,
    key={"customer": "bigint", "id": "uuid"},
    changes=[
        "state",
        "version",
        "discount_minor",
        "currency_code",
        "lines",
        "account",
        "points",
        "expires_at",
        "redeemed_at",
        "ended_at",
        "activity",
    ],
    beside={"program": "integer", "coupon": "uuid", "activity": "uuid"},
)

# Programs with codes that end with no check symbol, and since when.
UNCHECKED: Record[None] = Record(
    "unchecked_codes",
    None,
    key={"program": "integer"},
    beside={"since": "timestamptz"},
)

CampaignRow = CAMPAIGNS.model
CampaignVersionRow = CAMPAIGN_VERSIONS.model
BatchRow = BATCHES.model
CouponRow = COUPONS.model
RedemptionRow = REDEMPTIONS.model

# By noun, for the functions in load.sql.
COLUMNS = {record.table: record.select for record in (COUPONS, REDEMPTIONS)}
