"""All attacks, in the order in which they are done."""

from attack.attacks import (
    headers,
    locked_rows,
    redating,
    refused_groups,
    reports,
    silent_database,
    slow_readers,
    streams,
    wrong_keys,
)
from attack.trial import Attack

ATTACKS: tuple[Attack, ...] = (
    *headers.ATTACKS,
    *streams.ATTACKS,
    *wrong_keys.ATTACKS,
    *slow_readers.ATTACKS,
    *refused_groups.ATTACKS,
    *locked_rows.ATTACKS,
    *reports.ATTACKS,
    *redating.ATTACKS,
    *silent_database.ATTACKS,
)
