"""The lists of the deep ledger: whole in pages of every size, also while somebody adds to them."""

from typing import Any

import pytest

from tests.server.club import Club
from tests.server.listing import LISTS, pages
from tests.server.serving import told


@pytest.mark.parametrize("name", LISTS)
async def test_all_pages_together_are_the_whole_list(club: Club, name: str) -> None:
    """With every size, also where the last page is just full."""
    await _fill(club, name)
    [whole] = await pages(club, name, 0)
    assert len(whole) >= 4
    for size in (1, 2, len(whole), len(whole) + 1):
        parts = await pages(club, name, size)
        assert [row for part in parts for row in part] == whole
        assert all(parts)


@pytest.mark.parametrize("name", LISTS)
async def test_what_is_added_between_two_pages_neither_repeats_nor_hides_anything(club: Club, name: str) -> None:
    """Whoever reads a long list reads it while the shop is open."""
    await _fill(club, name)
    [whole] = await pages(club, name, 0)
    found = await pages(club, name, 1, meanwhile=True)
    rows = [_key(row) for page in found for row in page]
    assert len(set(rows)) == len(rows)
    assert [row for row in rows if row in map(_key, whole)] == list(map(_key, whole))


@pytest.mark.parametrize("name", LISTS)
async def test_a_token_belongs_to_its_list_and_filter(club: Club, name: str) -> None:
    """Continued with another filter it would skip rows without a word."""
    await _fill(club, name)
    listed = LISTS[name]
    call = listed.call(club.admin)
    token = (await call(listed.request(page_size=1))).next_page_token
    assert (await told(call(listed.request(page_token=token, **listed.other)))).reason == "PAGE_TOKEN_MISMATCH"
    assert (await told(call(listed.request(page_token="x" * len(token))))).reason == "PAGE_TOKEN_MISMATCH"


def _key(row: Any) -> str:
    return str(next(found for field in ("name", "lot", "line") if (found := getattr(row, field, ""))))


async def _fill(club: Club, name: str) -> None:
    await club.earn(100)
    for _ in range(4):
        await LISTS[name].add(club)
