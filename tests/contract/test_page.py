"""The page of the whole contract: current, complete, and with links that lead somewhere."""

import re
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor

from buf.validate import validate_pb2
from tests.contract.descriptors import PROTOS, methods, script

PAGE = (PROTOS.parent / "docs" / "contract.md").read_text()


def test_the_page_is_that_of_the_contract() -> None:
    """Who reads yesterday's page writes a client of yesterday."""
    assert script("page").text() == PAGE, "docs/contract.md is old: `make contract` writes it anew"


def test_every_link_of_the_page_leads_to_one_place() -> None:
    """A reader follows a type or a reason; two places of one name would lead to the wrong one."""
    headings = [name.lower().replace(" ", "-") for name in re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)]
    places = [*headings, *re.findall(r'<a id="([^"]+)">', PAGE)]
    assert len(places) == len(set(places))
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= set(places)


@pytest.mark.parametrize("method", methods(), ids=lambda method: method.name)
def test_a_call_is_shown_with_all_its_fields(method: MethodDescriptor) -> None:
    """What the page leaves out, its reader does not know of."""
    [shown] = re.findall(rf"^### {method.name}$(.*?)(?:^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    for message in (method.input_type, method.output_type):
        assert {field.name for field in message.fields} <= set(re.findall(r"`(\w+)`", shown))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"int64": {"gte": 1, "lte": 2**53}}, ["1 to 2^53"]),
        ({"int64": {"gte": -5, "not_in": [0]}}, ["-5 or more", "not 0"]),
        ({"string": {"max_len": 1000}, "ignore": 1}, ["may be empty", "at most 1,000 characters"]),
        ({"repeated": {"max_items": 3, "unique": True}, "required": True}, ["required", "at most 3", "each once"]),
        (
            {"map": {"max_pairs": 2, "values": {"string": {"max_len": 9}}}},
            ["at most 2 pairs", "values at most 9 characters"],
        ),
        ({"enum": {"defined_only": True}}, ["one of its values"]),
        ({"string": {"in": ["lots", "holds"]}}, ["one of lots, holds"]),
    ],
)
def test_limits_are_said_in_words(rules: Any, words: list[str]) -> None:
    """A reader of the page does not know the language of the rules."""
    assert sorted(script("limits").limits(validate_pb2.FieldRules(**rules))) == sorted(words)


def test_a_rule_without_words_is_not_left_out() -> None:
    """A limit that the page does not show would be met in production first."""
    with pytest.raises(SystemExit, match=r"no words for the rule buf.validate.StringRules.uuid"):
        script("limits").limits(validate_pb2.FieldRules(string=validate_pb2.StringRules(uuid=True)))
