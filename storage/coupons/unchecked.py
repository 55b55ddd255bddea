"""Whether a program has codes that end with no check symbol.

Where it has none, a code whose check symbol is wrong is none of its codes, and the books need not be asked. Whoever
makes such codes visible marks the program in the same transaction; nothing takes the mark away, as codes stay.
"""

from storage.engine.database import Connection
from storage.engine.unit import Unit


def program_has_unchecked_codes(books: Connection, program: int) -> bool:
    """Whether some of its codes that can be seen have no check symbol; `program` is its internal id."""
    return books.execute(_HAS, (program,), prepare=True).fetchone() is not None


def has_unchecked_codes(books: Connection, program_id: str) -> bool:
    """The same of a program by its public id."""
    return books.execute(_HAS_BY_PUBLIC_ID, (program_id,), prepare=True).fetchone() is not None


def mark_unchecked(unit: Unit, program: int) -> None:
    """Notes that a program has such codes from now on."""
    if not program_has_unchecked_codes(unit.connection, program):
        unit.connection.execute(_MARK, (program, unit.now))


_HAS = "SELECT FROM unchecked_codes WHERE program = %s"

_HAS_BY_PUBLIC_ID = "SELECT FROM unchecked_codes u JOIN program p ON p.id = u.program WHERE p.program_id = %s"

_MARK = "INSERT INTO unchecked_codes (program, since) VALUES (%s, %s) ON CONFLICT DO NOTHING"
