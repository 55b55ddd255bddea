"""How updates arrive, as far as phones let us know: which of them asked, and which fetched."""

from typing import Any
from uuid import UUID

from storage.engine.unit import transaction
from storage.passes import deliveries
from storage.passes.deliveries import Fetched, Listed
from tests.databases import by_owner
from tests.personal import WALLET
from tests.storage.scene import Scene
from tests.wallet.web.serving import Public
from tests.wallet.web.test_passkit import revise
from workers.actors import prune

ONE, TWO, THREE = ("1" * 32, "2" * 32, "3" * 32)


def arrived(scene: Scene, revision: int) -> dict[str, tuple[bool, bool]]:
    """By phone, whether it was told of a revision and whether it fetched it."""
    names = {WALLET.device_hash(device): device for device in (ONE, TWO, THREE)}
    rows = scene.rows(
        """
        SELECT d.library_hash, v.listed_at IS NOT NULL, v.fetched_at IS NOT NULL
        FROM pass_delivery AS v JOIN pass_device AS d ON d.id = v.device WHERE v.revision = %s
        """,
        [revision],
    )
    return {names[bytes(library_hash)]: (listed, fetched) for library_hash, listed, fetched in rows}


def test_what_a_phone_is_told_and_fetches_is_written_down(public: Public, scene: Scene, card: UUID) -> None:
    """With seconds from the change to the phone."""
    public.register(card, ONE)
    revise(scene, card, 4)
    public.changed(device=ONE)
    public.settle()
    assert arrived(scene, 4) == {ONE: (True, False)}
    public.fetch(card)
    public.settle()
    assert arrived(scene, 4) == {ONE: (True, True)}
    [(seconds,)] = scene.rows("SELECT extract(epoch FROM fetched_at - changed_at)::float8 FROM pass_delivery")
    assert 0 <= seconds < 60


def test_a_phone_that_has_it_already_has_it(public: Public, scene: Scene, card: UUID) -> None:
    """304 says as much as the card itself."""
    public.register(card, ONE)
    revise(scene, card, 4)
    modified = public.fetch(card).headers["last-modified"]
    scene.rows("WITH gone AS (DELETE FROM pass_delivery RETURNING 1) SELECT count(*) FROM gone")
    assert public.fetch(card, modified).status_code == 304
    public.settle()
    assert arrived(scene, 4) == {ONE: (False, True)}


def test_a_fetch_is_of_the_phone_that_was_told_last_and_has_not_fetched_since(
    public: Public, scene: Scene, card: UUID
) -> None:
    """The request itself names no phone."""
    for device in (ONE, TWO, THREE):
        public.register(card, device)
    revise(scene, card, 4)
    for device, expected in (
        (ONE, {ONE: (True, True)}),
        (TWO, {ONE: (True, True), TWO: (True, True)}),
    ):
        public.changed(device=device)
        public.settle()
        public.fetch(card)
        public.settle()
        assert arrived(scene, 4) == expected
    public.fetch(card)
    public.settle()
    assert arrived(scene, 4) == {ONE: (True, True), TWO: (True, True)}, "nobody else was told"


def test_of_fetches_that_come_together_each_is_another_phone_s(public: Public, scene: Scene, card: UUID) -> None:
    """Two phones of one person are woken at the same moment; their notes share a statement."""
    for device in (ONE, TWO):
        public.register(card, device)
    revise(scene, card, 4)
    [(now,)] = scene.rows("SELECT now()")
    listed: list[Any] = [Listed(WALLET.device_hash(device), (card,), 4, now) for device in (ONE, TWO)]
    public.loop.call_soon_threadsafe(public.site.lanes.note, [Fetched(card, 4, now), *listed, Fetched(card, 4, now)])
    public.fetch(card, "Mon, 30 Nov 2099 00:00:00 GMT")
    public.settle()
    assert arrived(scene, 4) == {ONE: (True, True), TWO: (True, True)}


def test_what_came_after_an_answer_was_not_in_it(public: Public, scene: Scene, card: UUID) -> None:
    """The note is written a moment later: a revision that is newer by then was not told."""
    public.register(card, ONE)
    revise(scene, card, 9)
    [(now,)] = scene.rows("SELECT now()")
    public.loop.call_soon_threadsafe(public.site.lanes.note, [Listed(WALLET.device_hash(ONE), (card,), 8, now)])
    public.changed(device=TWO)
    public.settle()
    assert scene.rows("SELECT count(*) FROM pass_delivery") == [(0,)]


def test_notes_that_cannot_be_written_change_nothing_for_phones(public: Public, scene: Scene, card: UUID) -> None:
    """They are about how updates arrive, not what makes them."""
    public.register(card, ONE)
    revise(scene, card, 4)
    by_owner(scene.database.database, "ALTER TABLE pass_delivery RENAME TO gone")
    assert public.changed(device=ONE).status_code == 200
    assert public.fetch(card).status_code == 200
    public.settle()
    assert public.changed(device=ONE).status_code == 200


def test_of_updates_to_one_phone_so_many_are_kept(public: Public, scene: Scene, card: UUID) -> None:
    """As many as anybody is shown; those of other phones and passes have counts of their own."""
    public.register(card, ONE)
    public.register(card, TWO)
    last = deliveries.DELIVERIES_KEPT + 5
    for revision in range(1, last + 1):
        revise(scene, card, revision)
        public.changed(device=TWO if revision < 4 else ONE)
        public.settle()
    public.fetch(card)
    public.settle()
    found = scene.rows("SELECT device, array_agg(revision ORDER BY revision) FROM pass_delivery GROUP BY 1 ORDER BY 1")
    assert [revisions for _, revisions in found] == [list(range(last - 19, last + 1)), [1, 2, 3]]


def test_reports_are_forgotten_after_a_month(public: Public, scene: Scene) -> None:
    """Nobody mends a phone by what it said a year ago."""
    for days in (31, 29):
        scene.rows(
            "INSERT INTO pass_device_log (received_at, line) VALUES (now() - %s * interval '1 day', 'x') RETURNING id",
            [days],
        )
    with transaction(scene.database) as unit:
        assert prune.prune(unit, {})
    assert scene.rows("SELECT count(*) FROM pass_device_log") == [(1,)]
