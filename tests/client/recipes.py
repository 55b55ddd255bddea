"""The recipes of docs/client.md, and the examples of docs/coupons.md and docs/passes.md: their code, and what stands
under it as printed."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CLIENT = ROOT / "docs" / "client.md"
COUPONS = ROOT / "docs" / "coupons.md"
PASSES = ROOT / "docs" / "passes.md"
OPERATING = ROOT / "docs" / "operating.md"


class Block(NamedTuple):
    """A block of Python, and the block of output right under it, or none."""

    code: str
    printed: str


def blocks(text: str) -> list[Block]:
    """All of a page, in its order."""
    found = re.findall(r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?", text, re.DOTALL)
    return [Block(code, printed) for code, printed in found]


_SECTIONS = {
    title.strip(): blocks(text)
    for title, _, text in (part.partition("\n") for part in CLIENT.read_text().split("\n## ")[1:])
}
# Of a section the first block; the one that goes on for the others stands in the first section too.
RECIPES = {title: found[0] for title, found in _SECTIONS.items() if found and found[0].printed}
GOING_ON = _SECTIONS["Earn"][1].code
ASYNC = _SECTIONS["asyncio"][0].code
[LIFE_OF_A_COUPON] = blocks(COUPONS.read_text())
[WAY_OF_A_PASS, INSTALLED] = blocks(PASSES.read_text())
