"""Has what the followers make of the log made anew: the words by which entries are found, and what is counted ahead.

Nothing of the log itself changes: all of both comes out of it.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from rules.activity import INDEX_REBUILT, by_operator
from storage.activity import positions, rollup, words
from storage.activity.commands import record
from storage.engine.database import Connection, patient
from storage.engine.unit import Unit


class Index(StrEnum):
    """What can be made anew."""

    WORDS = "words"
    COUNTS = "counts"


def begin(unit: Unit, indexes: Sequence[Index]) -> int:
    """Forgets these and has a clock begin anew; answers how many activities it has to go through.

    Waits for the step that a clock has in hand, and for as long as forgetting takes. Asked twice it begins twice.
    """
    connection = unit.connection
    with patient(connection):
        connection.execute(_NO_LIMITS)
        for index in indexes:
            _BEGIN_ANEW[index](connection)
    record(unit, by_operator(INDEX_REBUILT), "log", details={"indexes": [str(index) for index in indexes]})
    return positions.newest(connection)


_BEGIN_ANEW: Mapping[Index, Callable[[Connection], None]] = {
    Index.WORDS: words.begin_anew,
    Index.COUNTS: rollup.begin_anew,
}

# Some million rows go.
_NO_LIMITS = "SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)"
