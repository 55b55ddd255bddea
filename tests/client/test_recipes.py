"""docs/client.md, run as it stands against a real server."""

import asyncio
import time
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from fealty import calls, v1
from rules.access import Role
from rules.activity import Kind, by_worker
from storage.activity.commands import Scope, record
from storage.engine.ids import typeid
from storage.engine.unit import run
from tests.client.recipes import (
    CLIENT,
    GOING_ON,
    INSTALLED,
    LIFE_OF_A_COUPON,
    OPERATING,
    README,
    RECIPES,
    WAY_OF_A_PASS,
    Block,
    blocks,
)
from tests.pictures import png
from tests.server.serving import Served, fresh

LINES_MAX = 18
# The whole life of a coupon, with its program and a reward.
LIFE_LINES_MAX = 60
# All that a card needs, from its picture on.
PASS_LINES_MAX = 80
# A recipe that prints less than it should is ended too, and found out.
ENDS_S = 20.0


def test_what_a_till_does_has_a_recipe_and_each_is_short() -> None:
    """One that does not fit on a screen is a program, and nobody copies it."""
    acts = ["Pay a part with points", "Refund", "Look things up", "Replay after a crash"]
    assert list(RECIPES) == [
        "Earn",
        "Find a customer",
        *acts,
        "Follow the stream",
        "Many at once",
        "Record what happened elsewhere",
    ]
    assert [title for title, block in RECIPES.items() if len(block.code.splitlines()) > LINES_MAX] == []


def test_the_first_call_of_the_readme_is_the_first_recipe() -> None:
    """With what it prints: a newcomer compares."""
    assert blocks(README.read_text()) == [RECIPES["Earn"]]


async def test_each_recipe_prints_what_stands_under_it(
    new_server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are copied into tills: what they show has been seen. Each goes on where the one before it ended."""
    # As the key that `make up` shows first.
    monkeypatch.setenv("FEALTY_API_KEY", new_server.key("administrator", Role.ADMINISTRATOR))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    first, *others = RECIPES.items()
    printed = await _run(new_server, first[1], names)
    assert printed == first[1].printed
    # It says that it can be run again, and what that adds.
    again = await _run(new_server, first[1], names)
    assert again.replace("3 activities of program Coffee club listed (Administrator).\n", "") == printed != again
    for title, block in others:
        await _run(new_server, Block(GOING_ON, ""), names)
        assert (title, await _run(new_server, block, names)) == (title, block.printed)
    assert not Path("order-8").exists()
    assert Path("cursor").read_text()


async def test_the_life_of_a_coupon_prints_what_stands_under_it(
    new_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever builds a checkout begins with it; and as it is the whole life, no step of it may be missing."""
    monkeypatch.setenv("FEALTY_API_KEY", new_server.key("administrator", Role.ADMINISTRATOR))
    assert len(LIFE_OF_A_COUPON.code.splitlines()) <= LIFE_LINES_MAX
    assert await _run(new_server, LIFE_OF_A_COUPON, {}) == LIFE_OF_A_COUPON.printed
    made = "SELECT DISTINCT action FROM activity WHERE action ~ '^(campaign|coupon|redemption|reward|claim)' ORDER BY 1"
    assert [action for (action,) in new_server.rows(made)] == [
        "campaign.created",
        "claim.cancelled",
        "coupon.assigned",
        "coupon.redeemed",
        "coupon.reserved",
        "coupon.shared",
        "coupon.voided",
        "redemption.rolled_back",
        "reward.claimed",
        "reward.created",
    ]


async def test_the_way_of_a_pass_prints_what_stands_under_it(
    new_server: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the template to the links, with a coupon and its pass in one call; who has installed it gets points once."""
    monkeypatch.setenv("FEALTY_API_KEY", new_server.key("administrator", Role.ADMINISTRATOR))
    monkeypatch.chdir(tmp_path)
    Path("icon.png").write_bytes(png())
    assert len(WAY_OF_A_PASS.code.splitlines()) <= PASS_LINES_MAX
    for _ in range(2):
        # Names and links are others each time that somebody makes them anew.
        name, link, *others = (await _run(new_server, WAY_OF_A_PASS, {})).splitlines()
        shown_name, shown_link, *shown = WAY_OF_A_PASS.printed.splitlines()
        assert others == shown
        for one, of in ((name, shown_name), (link, shown_link)):
            assert (one[: one.rindex("/")], len(one)) == (of[: of.rindex("/")], len(of))
    made = "SELECT DISTINCT action FROM activity WHERE action ~ '^pass' ORDER BY 1"
    assert [action for (action,) in new_server.rows(made)] == [
        "pass.issued",
        "pass.mailed",
        "pass.voided",
        "pass_image.uploaded",
        "pass_link.created",
        "pass_template.created",
    ]
    given = v1.EventType(event_type="card.installed", display_name="Card installed", points=50, card_id="points")
    changed = v1.Program(name="programs/bakery", event_types=[given])
    request = v1.UpdateProgramRequest(program=changed, update_mask={"paths": ["event_types"]}, request_id=fresh())
    await new_server.admin.programs.UpdateProgram(request)
    [(program, customer, card)] = new_server.rows("SELECT program, customer, id FROM pass WHERE coupon IS NULL")
    name = f"programs/bakery/customers/anna/passes/{typeid('pass', card.int)}"
    installed = by_worker(Kind("pass.installed", "CUSTOMERS", "COMMUNICATION", event="CREATED"))
    for _ in range(2):
        run(new_server.database, lambda unit: record(unit, installed, name, Scope(program, customer)))
    for _ in range(2):
        assert await _run(new_server, INSTALLED, {}) == "50\n50\n"
    balance = v1.GetBalanceRequest(account="programs/bakery/customers/anna/accounts/points")
    assert (await new_server.admin.points.GetBalance(balance)).balance.spendable == 50


async def test_a_till_that_is_killed_anywhere_pays_once_when_it_starts_over(
    new_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recipe says so, and whoever copies it believes it: points and money would be lost at the first power cut."""
    monkeypatch.setenv("FEALTY_API_KEY", new_server.key("reader", Role.ADMINISTRATOR))
    names: dict[str, Any] = {}
    await _run(new_server, RECIPES["Earn"], names)
    await _run(new_server, Block(GOING_ON, ""), names)
    answered = calls.answer
    for title, changes in (("Pay a part with points", 3), ("Refund", 1)):
        for last in range(1, changes + 1):
            lives = iter(range(1, last))

            def answer(*arguments: Any, lives: Iterator[int] = lives) -> Any:
                found = answered(*arguments)
                # It is done, and the till never hears of it.
                if next(lives, None) is None:
                    raise InterruptedError
                return found

            monkeypatch.setattr(calls, "answer", answer)
            with pytest.raises(InterruptedError):
                await _run(new_server, RECIPES[title], names)
        monkeypatch.setattr(calls, "answer", answered)
        assert await _run(new_server, RECIPES[title], names) == RECIPES[title].printed
    made = "SELECT action, count(*) FROM activity WHERE action ~ '^(hold|transaction)' GROUP BY action ORDER BY action"
    assert new_server.rows(made) == [
        ("hold.captured", 1),
        ("hold.created", 1),
        ("transaction.recorded", 2),
        ("transaction.refunded", 1),
    ]


async def test_the_page_for_operators_places_and_lifts_a_hold(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shortens what is kept copies it, and has no second try."""
    monkeypatch.setenv("FEALTY_API_KEY", server.key("boss", Role.ADMINISTRATOR))
    _, block = blocks(OPERATING.read_text())
    asked: list[str] = []
    await _run(server, block, {"input": asked.append})
    assert [told.partition("legalholds")[0] for told in asked] == ["programs/coffee/"]
    made = "SELECT action FROM activity WHERE action ~ '^(legalhold|retention)' ORDER BY recorded_at"
    assert server.rows(made) == [("legalhold.placed",), ("retention.updated",), ("legalhold.lifted",)]


async def test_the_page_for_operators_erases_a_person(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done under the eyes of who asked for it: what is shown first is what goes, and it is all done then."""
    monkeypatch.setenv("FEALTY_API_KEY", server.key("boss", Role.ADMINISTRATOR))
    block, _ = blocks(OPERATING.read_text())
    assert await _run(server, block, {}) == "False\n"
    [(is_erased,)] = server.rows("SELECT erased_at IS NOT NULL FROM customer WHERE customer_id = 'ada'")
    assert is_erased


async def _run(server: Served, block: Block, names: dict[str, Any]) -> str:
    """What a block prints; one that never ends is ended when it has printed what it should."""
    code = compile(block.code.replace("127.0.0.1:8470", server.address), str(CLIENT), "exec")
    out = StringIO()
    # The server's log goes to the same terminal.
    names["print"] = partial(print, file=out)
    until = time.monotonic() + ENDS_S
    running = asyncio.ensure_future(asyncio.to_thread(exec, code, names))
    while not running.done():
        await asyncio.sleep(0.02)
        if "activities" in names and (len(out.getvalue()) >= len(block.printed) or time.monotonic() > until):
            names["activities"].close()
    await running
    return out.getvalue()
