"""Amounts of money as people write them."""

import pytest

from rules import money
from rules.figures import decimal


@pytest.mark.parametrize(
    ("amount_minor", "currency_code", "shown"),
    [
        (1250, "EUR", "€12.50"),
        (5, "GBP", "£0.05"),
        (123_456_789, "USD", "$1,234,567.89"),
        (1250, "JPY", "¥1,250"),
        (1250, "CZK", "12.50 CZK"),
        (1250, "BHD", "1.250 BHD"),
        (1250, "CLF", "0.1250 CLF"),
        (0, "EUR", "€0.00"),
        (-1250, "EUR", "-€12.50"),
        (-5, "CZK", "-0.05 CZK"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(amount_minor: int, currency_code: str, shown: str) -> None:
    """A yen has no hundredth, a dinar has thousandths: by the same hundred, one would be told a wrong price."""
    assert money.written(amount_minor, currency_code) == shown


@pytest.mark.parametrize(
    ("number", "decimals", "shown"),
    [(0, 0, "0"), (1250, 0, "1,250"), (1250, 2, "12.50"), (-7, 2, "-0.07"), (2**53, 4, "900,719,925,474.0992")],
)
def test_a_figure_keeps_all_of_its_digits(number: int, decimals: int, shown: str) -> None:
    """Books are not rounded, whoever reads them."""
    assert decimal(number, decimals) == shown
