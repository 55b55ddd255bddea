"""Cards built and signed, as phones and mails get them, against the signature alone."""

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from bench import wallets
from bench.row import Row, median
from cli.wallet import example
from rules.passes.content import Amount
from wallet import accounts
from wallet.apple.bundle import build, files, manifest
from wallet.apple.passjson import Service

PASSES_URL = "https://passes.example.com"


def signed(seconds: float, rounds: int) -> Iterable[Row]:
    """`passes_vs_signing`."""
    with tempfile.TemporaryDirectory() as place:
        account = accounts.load(wallets.operator(Path(place)).accounts).apple(wallets.PASS_TYPE)
    images = example.images().__getitem__
    service = Service(PASSES_URL, "a" * 32)
    card = example.card()
    points = next(field for field in card.fields if field.key == wallets.POINTS_FIELD)
    listed = manifest(files(card, images, account.pass_type, account.team, service))
    size = len(build(card, images, account, service))

    def built(number: int) -> None:
        # No two say the same.
        changed = replace(points, value=Amount(number))
        fields = tuple(changed if field is points else field for field in card.fields)
        build(replace(card, fields=fields), images, account, service)

    found = []
    for _ in range(rounds):
        found.append((_per_s(built, seconds / 2), _per_s(lambda _: account.sign(listed), seconds / 2)))
    mine, bare = (median(column) for column in zip(*found, strict=True))
    note = f"{mine:.0f}/s against {bare:.0f}/s, of one thread's processor time, {size / 1e3:.0f} kB each"
    yield Row("passes_vs_signing", median(one / other for one, other in found), 0.6, 0.8, note)


def _per_s(work: Callable[[int], object], seconds: float) -> float:
    """How often it can be done in a second of this thread's processor time: it waits for nobody, and others who use the
    machine do not count."""
    began, until, number = time.thread_time(), time.monotonic() + seconds, 0
    while time.monotonic() < until:
        number += 1
        work(number)
    return number / (time.thread_time() - began)
