"""What a transaction has in hand can be taken back to any mark, and is written once, as it stands in the end."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from storage.engine.database import Database, connection
from storage.engine.records import Record
from storage.engine.session import session
from storage.engine.sockets import blocking
from storage.engine.workspace import Workspace

NOW = datetime(2025, 1, 1, tzinfo=UTC)


class Cup(NamedTuple):
    """A thing with a number that changes and a name that does not."""

    name: str
    filled: int
    marks: tuple[int, ...] = ()


CUPS = Record("cup", Cup, key={"shelf": "integer", "number": "integer"}, changes=["filled"], beside={"maker": "text"})

ACTS = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(0, 9)), max_size=12)


def seen(workspace: Workspace) -> Any:
    """All that can be asked of it."""
    return [
        (key, workspace.get(CUPS, key), workspace.made(CUPS, key), workspace.is_written(CUPS, key))
        for key in ((shelf, number) for shelf in (1, 2) for number in (1, 2, 3))
    ], [dict(workspace.within(CUPS, (shelf,))) for shelf in (1, 2)]


def act(workspace: Workspace, acts: list[tuple[int, int, int]]) -> None:
    """Puts cups, new ones and changed ones."""
    for shelf, number, filled in acts:
        workspace.put(CUPS, (shelf, number), Cup("cup", filled), {"maker": "us"})
        workspace.add(CUPS.made, {"shelf": shelf})


@given(ACTS, ACTS, ACTS)
def test_after_a_return_all_is_as_it_was(
    before: list[tuple[int, int, int]], outer: list[tuple[int, int, int]], inner: list[tuple[int, int, int]]
) -> None:
    """A command that is refused leaves nothing, whatever it did until then, and within what is refused as a whole."""
    workspace = Workspace(NOW)
    workspace.load(CUPS, (1, 1), Cup("old", 5))
    act(workspace, before)
    first, was = workspace.mark(), seen(workspace)
    act(workspace, outer)
    second, between = workspace.mark(), seen(workspace)
    act(workspace, inner)
    workspace.return_to(second)
    assert seen(workspace) == between
    workspace.return_to(first)
    assert seen(workspace) == was


def test_what_is_new_is_made_and_what_was_there_is_changed_once_each(database: Database) -> None:
    """However often it was put: the row says what stood in the end."""
    with connection(database) as books:
        books.execute("CREATE TABLE cup (shelf int, number int, name text, filled bigint, marks jsonb, maker text)")
        books.execute("INSERT INTO cup VALUES (1, 1, 'old', 5, NULL, 'them')")
        books.commit() if not books.autocommit else None
        workspace = Workspace(NOW)
        workspace.load(CUPS, (1, 1), Cup("old", 5))
        for filled in (6, 7):
            workspace.put(CUPS, (1, 1), Cup("ignored", filled), {"maker": "us"})
            workspace.put(CUPS, (1, 2), Cup("new", filled, (filled,)), {"maker": "us"})
        workspace.put(CUPS, (1, 3), Cup("refused", 1), {"maker": "us"})
        workspace.return_to(workspace.mark() - 2)
        blocking(workspace.flush(session(books)))
        blocking(workspace.flush(session(books)))
        found = books.execute("SELECT shelf, number, name, filled, marks, maker FROM cup ORDER BY number").fetchall()
    assert found == [(1, 1, "old", 7, None, "them"), (1, 2, "new", 7, [7], "us")]
    rows = CUPS.decode('[[1, 2, ["new", 7, [7]]]]')
    assert rows == [(1, 2, Cup("new", 7, (7,)))]
