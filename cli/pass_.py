"""`fealty pass trace`: why a card shows what it shows, phone by phone, by whoever has a key for that."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting
from cli.options import as_json

if TYPE_CHECKING:
    from fealty import v1

_NAME = re.compile(
    r"(?:programs/)?([a-z][a-z0-9_-]{0,62})/(?:customers/)?([a-z0-9][a-z0-9_-]{0,62})/(?:passes/)?(pass_[0-9a-z]{26})"
)
_COLUMNS = ("revision", "pushed", "answer", "listed", "fetched", "seconds")


class PassName(click.ParamType[str]):
    """`coffee/ada/pass_…`, or the resource name."""

    name = "pass"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The resource name."""
        found = _NAME.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no pass; write it as it was issued: coffee/ada/pass_….", param, ctx)
        return f"programs/{found[1]}/customers/{found[2]}/passes/{found[3]}"


@click.group(name="pass")
def pass_() -> None:
    """Follow passes to the phones that have them.

    The key in FEALTY_API_KEY, or in --key-file, says who asks: `fealty keys create NAME --role auditor` makes one.

    Exit codes: 0 done, 1 refused, in one sentence, 2 wrong arguments, 70 a fault of Fealty, 130 interrupted.
    """


@pass_.command()
@click.argument("name", type=PassName(), metavar="NAME")
@connecting
@as_json
def trace(name: str, address: str | None, key_file: Path | None, json_: bool) -> None:
    """Say what became of the updates of the pass NAME, such as coffee/ada/pass_…: of each phone that has it when it was
    told and by what answer, when it asked and fetched, and what follows from that. Times are UTC."""
    from cli.activities.asking import connected
    from fealty import v1

    with connected(address, key_file, "auditor") as fealty:
        found = fealty.passes.TraceDelivery(v1.TraceDeliveryRequest(name=name))
    if json_:
        click.echo(json.dumps(_plain(found)))
        return
    for line in _lines(found):
        click.echo(line)


def _lines(found: "v1.TraceDeliveryResponse") -> list[str]:
    plain = _plain(found)
    said = [f"{plain['pass']}: {plain['state']}, {plain['delivery'].replace('_', ' ')}"]
    if found.revision:
        said.append(f"revision {found.revision}, of a change {plain['changed']}, built {plain['built']}")
    if found.halted:
        said.append(f"pushes are stopped: {found.halted}")
    if not plain["installations"]:
        said.append("It is in no wallet.")
    for one in plain["installations"]:
        said += ["", f"{one['wallet']} {one['device']}".rstrip() + f": {one['verdict']}"]
        rows = [_COLUMNS, *(tuple(str(row[column] or "-") for column in _COLUMNS) for row in one["deliveries"])]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if len(rows) > 1:
            said += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return said


def _plain(found: "v1.TraceDeliveryResponse") -> dict[str, Any]:
    from fealty import v1

    state = v1.PassState.Name(found.wallet_pass.state)
    delivery = v1.PassDeliveryState.Name(found.wallet_pass.delivery_state)
    return {
        "pass": found.wallet_pass.name,
        "state": state.removeprefix("PASS_STATE_").lower(),
        "delivery": delivery.removeprefix("PASS_DELIVERY_STATE_").lower(),
        "revision": found.revision,
        "changed": _at(found, "change_time"),
        "built": _at(found, "build_time"),
        "halted": found.halted,
        "installations": [
            {
                "wallet": v1.PassPlatform.Name(one.platform).removeprefix("PASS_PLATFORM_").capitalize(),
                "device": one.device,
                "installed": _at(one, "install_time"),
                "verdict": one.verdict,
                "deliveries": [_delivery(delivery) for delivery in one.deliveries],
            }
            for one in found.installations
        ],
    }


def _delivery(found: "v1.PassDelivery") -> dict[str, Any]:
    return {
        "revision": found.revision,
        "pushed": _at(found, "push_time"),
        "push_id": found.provider_id,
        "answer": found.answer,
        "listed": _at(found, "list_time"),
        "fetched": _at(found, "fetch_time"),
        "seconds": round(found.seconds, 1) if found.HasField("seconds") else None,
    }


def _at(message: Any, field: str) -> str | None:
    if not message.HasField(field):
        return None
    return f"{getattr(message, field).ToDatetime():%Y-%m-%dT%H:%M:%SZ}"
