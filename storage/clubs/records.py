"""Clubs, and who is in them."""

from storage.engine.records import Record

CLUBS: Record[None] = Record(
    "club",
    None,
    key={"id": "bigint"},
    changes=[
        "display_name",
        "description",
        "card_ids",
        "reward_ids",
        "version",
        "updated_at",
        "deleted_at",
        "activity",
    ],
    beside={
        "program": "integer",
        "club_id": "text",
        "display_name": "text",
        "description": "text",
        "card_ids": "jsonb",
        "reward_ids": "jsonb",
        "version": "integer",
        "created_at": "timestamptz",
        "updated_at": "timestamptz",
        "deleted_at": "timestamptz?",
        "activity": "uuid",
    },
)

# Who left stays on record; an erasure removes it.
CLUB_CUSTOMERS: Record[None] = Record(
    "club_customer",
    None,
    key={"id": "uuid"},
    changes=["customer", "left_at", "activity"],
    beside={
        "club": "bigint",
        "customer": "bigint",
        "joined_at": "timestamptz",
        "left_at": "timestamptz?",
        "activity": "uuid",
    },
)

ClubRow = CLUBS.model
ClubCustomerRow = CLUB_CUSTOMERS.model
