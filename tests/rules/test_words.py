"""Words: what is typed and what it is looked for in are taken apart alike, whatever is in either."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.words import TextQuery, found_by, has_phrases, in_order, wanted

ANY = st.text(st.characters(codec="utf-8"), max_size=60) | st.text("aA7 .,-_/'\"€→\0é\u0301İß", max_size=60)

TAKEN_APART = {
    "": [],
    " \t\n ": [],
    "→ … !!! --": [],
    "Purchase till-71 of €12.50: 12 points (Service till).": [
        *("purchase", "till-71", "of", "12.50", "12", "points", "service", "till"),
    ],
    "tried 1,250 times; 1,250.50 and 12,5": ["tried", "1250", "times", "1250.50", "and", "12,5"],
    "programs/coffee": ["coffee"],
    "programs/coffee/customers/ada/transactions/till~A:7": ["ada", "till~a:7"],
    "bookings/4711 it's": ["bookings", "4711", "it's"],
    "INSUFFICIENT_POINTS": ["insufficient_points"],
    "ﬁne STRASSE straße Cafe\u0301 café": ["fine", "strasse", "strasse", "café", "café"],
    "a\0b 会員 番号": ["a\0b", "会員", "番号"],
}


@pytest.mark.parametrize("text", TAKEN_APART)
def test_a_text_is_taken_apart_as_a_reader_would(text: str) -> None:
    """Signs around words are not part of them; what is written otherwise and means the same is the same."""
    assert in_order(text) == TAKEN_APART[text]


def test_a_word_is_found_as_a_whole_and_by_its_parts() -> None:
    """Whoever remembers the number only finds the purchase; what no one remembers is not kept in parts."""
    assert found_by(["till-71 of €12.50"]) == {"till-71", "till", "71", "of", "12.50"}
    identity = "550e8400-e29b-41d4-a716-446655440000"
    assert found_by([identity]) == {identity}


def test_what_is_asked_for_is_words_and_phrases() -> None:
    """A phrase of one word is a word."""
    assert wanted('Ada "became active" "points" ada') == TextQuery(
        ("ada", "became", "active", "points"), (("became", "active"),)
    )
    sentence = "12 points of customer ada became active."
    assert has_phrases(sentence, [("ada", "became", "active"), ("points", "of")])
    assert not has_phrases(sentence, [("ada", "active")])
    assert not has_phrases(sentence, [("became", "active"), ("active", "again")])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('refund "till', "a quote is not closed"),
        ('"', "a quote is not closed"),
        ("  ", "there is no word in it"),
        ('"" *', "there is no word in it"),
        ("% _ ' ; -- & | ! : ( )", None),
    ],
)
def test_what_has_no_words_is_said_to_have_none(text: str, told: str | None) -> None:
    """Everything would be found by it, or nothing."""
    if told is None:
        assert wanted(text).words == ("_",)
        return
    with pytest.raises(ValueError, match=told):
        wanted(text)


@given(ANY)
def test_a_text_is_found_by_each_of_its_own_words(text: str) -> None:
    """Whatever the letters are: also where they have no small form, or a longer one."""
    words = in_order(text)
    found = found_by([text])
    assert found.issuperset(words)
    if words and '"' not in text:
        assert wanted(text).words == tuple(dict.fromkeys(words))
        assert has_phrases(text, [words, words[:2], words[-2:]])


@given(ANY, ANY)
def test_texts_are_found_by_what_is_in_any_of_them(one: str, other: str) -> None:
    """No word comes of two texts that happen to be neighbours."""
    assert found_by([one, other]) == found_by([one]) | found_by([other])
