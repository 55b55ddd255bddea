"""What the books keep of rewards and claims, each noun once."""

from rules.claims import Claim
from storage.engine.records import Record

# As it stands. `reward_id` is its public id; `stock` counts what was claimed.
REWARDS: Record[None] = Record(
    "reward",
    None,
    key={"id": "integer"},
    changes=["version", "display_name", "description", "terms", "archived", "updated_at", "activity"],
    beside={
        "program": "integer",
        "reward_id": "text",
        "version": "integer",
        "display_name": "text",
        "description": "text",
        "terms": "jsonb",
        "archived": "boolean",
        "stock": "bigint",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "activity": "uuid",
    },
)

# What it was from one change to the next. Append-only.
REWARD_VERSIONS: Record[None] = Record(
    "reward_version",
    None,
    key={"reward": "integer", "version": "integer"},
    beside={"display_name": "text", "description": "text", "terms": "jsonb", "activity": "uuid"},
    recorded=True,
)

CLAIMS: Record[Claim] = Record(
    "claim",
    Claim,
    key={"customer": "bigint", "id": "uuid"},
    changes=["state", "cancelled_at", "activity"],
    beside={"program": "integer", "coupon": "uuid?", "activity": "uuid"},
)

RewardRow = REWARDS.model
RewardVersionRow = REWARD_VERSIONS.model
ClaimRow = CLAIMS.model

# By noun, for the functions in load.sql.
COLUMNS = {CLAIMS.table: CLAIMS.select}
