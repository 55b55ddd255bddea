"""The whole way of a card whose owner was erased: emptied on the phone, then forgotten, and still told to be void."""

import json
from uuid import UUID

from storage.customers.commands import UpdateCustomer
from storage.engine.ids import typeid
from storage.engine.unit import run
from storage.passes.forgetting import forget
from tests.storage.members import erase
from tests.storage.passes.carrying import standing, update
from tests.storage.scene import Scene, asked
from tests.wallet.web.serving import Public, pass_json


def test_a_phone_fetches_the_empty_card_and_then_nobody_knows_it_any_more(
    public: Public, scene: Scene, card: UUID
) -> None:
    """The phone is the last place that shows the name: it must be heard to have been there before it is forgotten."""
    scene.carry_out(UpdateCustomer("coffee", "ada", "", {"display_name": "Ada Featherstone"}, asked("name")))
    public.register(card)
    update(scene)
    tag = public.changed().json()["lastUpdated"]
    assert "Featherstone" in json.dumps(pass_json(public.fetch(card).content))
    erase(scene)
    update(scene)
    assert run(scene.database, lambda unit: forget(unit.connection, 10)) == 0
    assert public.changed(tag).json()["serialNumbers"] == [typeid("pass", card.int)]
    emptied = pass_json(public.fetch(card).content)
    assert emptied["voided"] is True
    assert "Featherstone" not in json.dumps(emptied)
    public.settle()
    assert run(scene.database, lambda unit: forget(unit.connection, 10)) == 1
    assert standing(scene) == {card: ("ada", True, True, True)}
    assert public.changed(tag).status_code == 204
    assert public.register(card).status_code == 401
    assert pass_json(public.fetch(card).content)["voided"] is True
    assert scene.rows("SELECT FROM pass_device") == []
