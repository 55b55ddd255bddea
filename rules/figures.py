"""Whole numbers of a smallest unit as people write them."""


def decimal(number: int, decimals: int) -> str:
    """`1,250` of no decimals, `12.50` of two."""
    whole, part = divmod(abs(number), 10**decimals)
    shown = f"{whole:,}.{part:0{decimals}}" if decimals else f"{whole:,}"
    return f"-{shown}" if number < 0 else shown
