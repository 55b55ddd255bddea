"""`fealty coupons watch` and `cancel`: codes that are being made, by whoever asked for them."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.activities.asking import connecting
from cli.coupons.names import OperationName, counted, short
from cli.options import as_json

if TYPE_CHECKING:
    from fealty import Fealty, v1

# How often the operation is looked at.
LOOK_S = 0.5
# An operation that does not move for so long is nobody's: workers take one up at once.
IDLE_S = 15.0


@click.command()
@click.argument("operation", type=OperationName(), metavar="OPERATION")
@connecting
@as_json
def watch(operation: str, address: str | None, key_file: Path | None, json_: bool) -> None:
    """Wait until the codes of OPERATION are made, as `generate` does: such as coffee/operation_…, which it named."""
    from cli.activities.asking import connected

    with connected(address, key_file, "administrator") as fealty:
        ended = awaited(fealty, _making(fealty, operation))
    tell(ended, json_)


@click.command()
@click.argument("operation", type=OperationName(), metavar="OPERATION")
@click.option("--reason", metavar="CODE", default="CANCELLED", show_default=True, help="For the log.")
@connecting
@as_json
def cancel(operation: str, reason: str, address: str | None, key_file: Path | None, json_: bool) -> None:
    """End the making of codes that OPERATION is. None of its codes is left."""
    from cli.activities.asking import connected
    from fealty import v1

    with connected(address, key_file, "administrator") as fealty:
        request = v1.CancelOperationRequest(name=_making(fealty, operation).name, reason=v1.Reason(code=reason))
        ended = fealty.operations.CancelOperation(request).operation
    made = ended.generate_coupons.coupons
    if json_:
        click.echo(json.dumps({"operation": ended.name, "coupons": made}))
    else:
        click.echo(f"Cancelled: of {counted(ended.accounts_total)} {made:,} had been made, and none is left.")


def awaited(fealty: "Fealty", operation: "v1.Operation") -> "v1.Operation":
    """The operation as it ended. Whatever ends the waiting before, its name is told."""
    try:
        return _watched(fealty, operation)
    except BaseException:
        name = short(operation.name)
        click.echo(
            f"\nIt goes on by itself: `fealty coupons watch {name}` waits for it, "
            f"`fealty coupons cancel {name}` ends it.",
            err=True,
        )
        raise


def tell(ended: "v1.Operation", json_: bool) -> None:
    """What became of it. Raises Failure where that is nothing."""
    from cli.failures import Failure
    from fealty import v1

    if ended.state == v1.OPERATION_STATE_CANCELLED:
        raise Failure("somebody cancelled it: no code was made that can be seen")
    if ended.state != v1.OPERATION_STATE_SUCCEEDED:
        raise Failure(f"no code was made that can be seen. {ended.error.message}")
    made = ended.generate_coupons
    if json_:
        click.echo(json.dumps({"batch": made.batch, "coupons": made.coupons, "operation": ended.name}))
        return
    batch = short(made.batch)
    advised = f"`fealty coupons export {batch} --output FILE`"
    click.echo(f"{counted(made.coupons)} made, as batch {batch}: {advised} takes them away, once.")


def _making(fealty: "Fealty", name: str) -> "v1.Operation":
    from cli.failures import Failure
    from fealty import v1

    found = fealty.operations.GetOperation(v1.GetOperationRequest(name=name)).operation
    if found.kind != v1.OPERATION_KIND_GENERATE_COUPONS:
        raise Failure(f"{short(name)} is something else than a making of codes")
    return found


def _watched(fealty: "Fealty", operation: "v1.Operation") -> "v1.Operation":
    from fealty import v1

    request = v1.GetOperationRequest(name=operation.name)
    moved_at, is_said = time.monotonic(), False
    bar: Any = click.progressbar(length=operation.accounts_total, label="making codes", file=sys.stderr)
    with bar:
        bar.update(operation.accounts_done)
        while not operation.done:
            time.sleep(LOOK_S)
            before, operation = operation, fealty.operations.GetOperation(request).operation
            bar.update(operation.accounts_done - before.accounts_done)
            if operation.accounts_done > before.accounts_done:
                moved_at = time.monotonic()
            elif time.monotonic() - moved_at > IDLE_S and not is_said:
                click.echo("\nNothing happens: does a worker run? `fealty worker` starts one.", err=True)
                is_said = True
    return operation
