"""The README, held against what it speaks of."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_measured_table_is_the_last_measurement() -> None:
    """A figure that no run printed is an opinion."""
    shown = dict(re.findall(r"^\| `(\w+)` \| ([0-9.]+) \|", README, re.MULTILINE))
    measured = {row["name"]: f"{row['value']:.2f}" for row in json.loads((ROOT / "bench" / "latest.json").read_text())}
    assert shown
    assert {name: measured.get(name) for name in shown} == shown
