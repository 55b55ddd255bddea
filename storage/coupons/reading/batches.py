"""Batches of a campaign: those that were made, and those that are being made. Of a batch that was given up nothing is
left."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from rules.coupons.coupons import Origin
from storage.coupons.queries import Campaign
from storage.coupons.records import BatchRow


class BatchRead(NamedTuple):
    """A batch by the resource name of its campaign and its number. Its coupons can be seen from `published_at` on;
    before, one that is imported has no `activity`."""

    campaign: str
    number: int
    origin: Origin
    coupons: int
    created_at: datetime
    published_at: datetime | None
    exported_at: datetime | None
    activity: UUID | None

    @property
    def name(self) -> str:
        """Its resource name."""
        return f"{self.campaign}/batches/{self.number}"


def page(campaign: Campaign, after: int | None, size: int) -> list[BatchRead]:
    """Up to `size` batches, the newest first, from the first behind number `after`."""
    query = BatchRow.select().where((BatchRow.campaign == campaign.id) & BatchRow.discarded_at.is_null())
    if after is not None:
        query = query.where(BatchRow.number < after)
    return [
        BatchRead(
            campaign.name,
            row.number,
            Origin(row.origin),
            row.coupons,
            row.created_at,
            row.published_at,
            row.exported_at,
            row.activity,
        )
        for row in query.order_by(BatchRow.number.desc()).limit(size)
    ]
