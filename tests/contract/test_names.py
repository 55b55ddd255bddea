"""What names and ids look like: said once in names.proto, judged part by part in server/shapes.py."""

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buf.validate import validate_pb2
from fealty.v1 import names_pb2
from server import shapes

PREDEFINED: Any = validate_pb2.predefined


def _rules() -> Iterator[Any]:
    for field in names_pb2.DESCRIPTOR.extensions_by_name.values():
        [rule] = field.GetOptions().Extensions[PREDEFINED].cel
        yield rule


RULES = {rule.id: rule for rule in _rules()}
NAMES = sorted(name for name in RULES if name.startswith("name."))


def _pattern(rule: Any) -> str:
    [pattern] = re.findall(r"matches\('(\^.*\$)'\)", rule.expression)
    return str(pattern).replace("\\\\", "\\")


_PART = re.compile(r"\{(\w+)\}")


def _made(template: str, parts: dict[str, str]) -> str:
    return _PART.sub(lambda part: parts[part[1]], template)


_EXAMPLES = {name: "1" if part.pattern.startswith("[1-9]") else "a" for name, part in shapes.PARTS.items()}
_MADE = ("activity", "coupon", "redemption", "claim", "pass", "link", "user", "certificate")
_EXAMPLES |= {name: f"{name}_{'0' * 26}" for name in _MADE}
_EXAMPLES |= {"request": f"approval_{'0' * 26}", "service": f"caller_{'0' * 26}"}
_EXAMPLES |= {"image": "0" * 64, "login": "0" * 16, "key": "0" * 16}


@pytest.mark.parametrize("name", sorted(RULES))
def test_what_a_rule_gives_as_an_example_keeps_it(name: str) -> None:
    """People copy what they are shown."""
    rule = RULES[name]
    assert rule.message.startswith("must be ")
    if "such as " in rule.message and name != "id.request":
        example = re.split(r"[ ,:]", rule.message.partition("such as ")[2])[0]
        assert re.search(_pattern(rule), example)


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_rule_ends(name: str) -> None:
    """A pattern limits a text only where it is anchored and repeats nothing without end."""
    pattern = re.sub(r"\\.|\[[^]]*\]", ".", _pattern(RULES[name]))
    assert pattern[0] + pattern[-1] == "^$"
    assert not re.search(r"[*+]|,\}", pattern)


@pytest.mark.parametrize("name", NAMES)
def test_each_template_is_what_the_rule_lets_through(name: str) -> None:
    """A part that is said twice must be the same twice: people are told what is wrong by the server's copy."""
    templates = shapes.templates(RULES[name].message)
    for template in templates:
        assert re.search(_pattern(RULES[name]), _made(template, _EXAMPLES))
    if len(templates) == 1:
        of_parts = {part: shape.pattern for part, shape in shapes.PARTS.items()}
        assert _pattern(RULES[name]) == f"^{_made(templates[0], of_parts)}$"


@given(st.sampled_from(NAMES), st.data())
def test_a_flaw_is_found_where_the_rule_finds_one_and_nowhere_else(name: str, data: st.DataObject) -> None:
    """Somebody who is told that all is well, and refused all the same, has nothing to go by."""
    template = data.draw(st.sampled_from(shapes.templates(RULES[name].message)))
    texts = {part: st.from_regex(shapes.PARTS[part].pattern, fullmatch=True) for part in _PART.findall(template)}
    text = _made(template, {part: data.draw(one) for part, one in texts.items()})
    at, what = data.draw(st.integers(0, len(text))), data.draw(st.sampled_from(["", "/", "A", "é", "~", "a" * 64]))
    text = text[:at] + what + text[at + data.draw(st.integers(0, 3)) :]
    flaw = shapes.flaw(RULES[name].message, text)
    assert (not flaw) == bool(re.search(_pattern(RULES[name]), text)), flaw
    assert len(flaw) < 200


def test_a_flaw_is_told_by_its_part() -> None:
    """Of eight parts and sixty characters each, the one that is wrong."""
    rule = RULES["name.account"].message
    told = {
        "": "it is empty",
        "program/coffee": "it has something else where programs is to stand",
        "programs/coffee/customers/anna": "it ends where /accounts is to follow",
        "programs/coffee/customers//accounts/points": "its {customer} is empty",
        "programs/coffee/customers/anna/accounts/points/lots/1": "it goes on after {card}",
        "programs/coffee/customers/anna/accounts/my_points": "its {card} is 1 to 32 of a-z, 0-9 and -, beginning with a"
        " letter, and character 3 of 9 does not fit",
    }
    assert {text: shapes.flaw(rule, text) for text in told} == told


def test_a_text_as_long_as_a_message_is_judged_by_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends megabytes in place of a name must not keep the loop from everybody else."""
    looked_at: list[int] = []

    def fullmatch(pattern: str, text: str) -> Any:
        looked_at.append(len(text))
        return re.fullmatch(pattern, text)

    monkeypatch.setattr(shapes, "re", SimpleNamespace(fullmatch=fullmatch))
    rule = RULES["name.account"].message
    for text in ("programs/" + "a" * 1_000_000, "programs/" + "a/" * 500_000, "/" * 1_000_000):
        looked_at.clear()
        assert shapes.flaw(rule, text)
        assert sum(looked_at) <= len(text) + shapes.PART_MAX**2
