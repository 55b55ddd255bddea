"""When credentials were last used."""

from collections.abc import Collection
from datetime import datetime

from storage.access.records import CredentialUseRow


def used(credentials: Collection[str]) -> dict[str, datetime]:
    """When each of these was last used, to the minute; of those that never were, nothing."""
    rows = CredentialUseRow.select().where(CredentialUseRow.credential.in_(list(credentials)))
    return {row.credential: row.used_at for row in rows}
