"""What people type for a campaign, a batch, an operation or a number of codes, and what the contract calls it."""

import re
from typing import Any

import click

_ID = r"[a-z][a-z0-9_-]{0,62}"
_CAMPAIGN = re.compile(rf"(?:programs/)?({_ID})/(?:couponCampaigns/)?({_ID})")
_BATCH = re.compile(rf"{_CAMPAIGN.pattern}/(?:batches/)?([1-9][0-9]{{0,8}})")
_OPERATION = re.compile(rf"(?:programs/)?({_ID})/(?:operations/)?(operation_[0-9a-z]{{26}})")


class CampaignName(click.ParamType[str]):
    """`coffee/spring`, or the resource name."""

    name = "campaign"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The resource name."""
        found = _CAMPAIGN.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no campaign; write it like coffee/spring.", param, ctx)
        return f"programs/{found[1]}/couponCampaigns/{found[2]}"


class BatchName(click.ParamType[str]):
    """`coffee/spring/1`, or the resource name."""

    name = "batch"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The resource name."""
        found = _BATCH.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no batch; write it like coffee/spring/1.", param, ctx)
        return f"programs/{found[1]}/couponCampaigns/{found[2]}/batches/{found[3]}"


class OperationName(click.ParamType[str]):
    """`coffee/operation_…`, or the resource name."""

    name = "operation"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The resource name."""
        found = _OPERATION.fullmatch(value)
        if found is None:
            self.fail(f"{value!r} is no operation; write it as `generate` named it: coffee/operation_….", param, ctx)
        return f"programs/{found[1]}/operations/{found[2]}"


class Count(click.IntRange):
    """How many codes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            most = f"{self.max:,}".replace(",", "_")
            self.fail(f"{value!r} is no whole number from {self.min} to {most}; write it like 10000.", param, ctx)


def short(name: str) -> str:
    """A resource name as people type it."""
    return "/".join(name.split("/")[1::2])


def counted(codes: int) -> str:
    """`1 code`, `2,000 codes`."""
    return "1 code" if codes == 1 else f"{codes:,} codes"
