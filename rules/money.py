"""Amounts of money as people write them: digits after the point by ISO 4217, a sign where everybody knows it."""

from rules.figures import decimal

# How many digits the currency's minor unit takes, where it is not two (ISO 4217).
_BY_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DIGITS = {code: digits for digits, codes in _BY_DIGITS.items() for code in codes.split()}
# Signs that are of one currency for most who read them: a dollar in a program of dollars is that of its country.
_SIGNS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}


def written(amount_minor: int, currency_code: str) -> str:
    """`€12.50`, `12.50 CZK`, `¥1,250`; `amount_minor` in the currency's minor unit."""
    number = decimal(abs(amount_minor), _DIGITS.get(currency_code, 2))
    minus = "-" if amount_minor < 0 else ""
    sign = _SIGNS.get(currency_code)
    return f"{minus}{sign}{number}" if sign else f"{minus}{number} {currency_code}".rstrip()


def minor_digits(currency_code: str) -> int:
    """How many digits after the point the currency's minor unit takes."""
    return _DIGITS.get(currency_code, 2)
