"""What other services install: the client of this very contract, with its types, and nothing of the server."""

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from importlib.resources import files as resources
from pathlib import Path
from zipfile import ZipFile

import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from fealty import v1
from tests.client.recipes import ASYNC, GOING_ON, INSTALLED, LIFE_OF_A_COUPON, RECIPES, WAY_OF_A_PASS
from tests.contract.descriptors import NAMES, PROTOS, compiled, files, image, methods, script

# Run with the wheel before everything else on the path, as another service would have it.
USE = """
import sys
sys.path.insert(0, sys.argv[1])
import fealty
from fealty import connect, connect_async, v1
from fealty.v1 import points_pb2, points_pb2_grpc
assert fealty.__file__.startswith(sys.argv[1]), fealty.__file__
assert points_pb2.__file__.startswith(sys.argv[1])
with connect("127.0.0.1:1", "key") as connection:
    points_pb2_grpc.PointsServiceStub(connection.channel).GetBalance
    try:
        connection.points.GetBalance(v1.GetBalanceRequest(account="x"), timeout_s=5)
    except fealty.Unanswered:
        pass
assert not {"server", "storage", "rules", "peewee", "psycopg"} & set(sys.modules)
"""


# What somebody writes by mistake, a mistake a line; the last two are of asyncio.
WRONG = """
fealty = connect("127.0.0.1:8470", 8470)
v1.SpendPointsRequest(acount="programs/coffee/customers/anna/accounts/points")
v1.SpendPointsRequest(points="10")
fealty.points.SpendPoint(v1.SpendPointsRequest())
fealty.points.SpendPoints(v1.GetBalanceRequest())
fealty.points.SpendPoints(v1.SpendPointsRequest(), timeout_s="10")
fealty.points.SpendPoints(v1.SpendPointsRequest()).balance.spendible
print(v1.TRANSACTION_STATE_PENDNG)
lots: list[v1.Lot] = list(fealty.points.all_entries(v1.ListEntriesRequest()))
fealty.activities.follow(v1.ListActivitiesRequest())
fealty.ingest.BatchIngest([v1.Item()])
refusal_of(v1.BatchIngestResponse())
connect_async("127.0.0.1:8470", "key").points.GetBalance(v1.GetBalanceRequest()).balance
connect_async("127.0.0.1:8470", "key").points.all_entries(v1.ListLotsRequest())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client package, built as the release builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    arguments = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), str(PROTOS)]
    subprocess.run([sys.executable, "-m", "pip", *arguments], check=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.mark.parametrize("file", files(), ids=lambda file: file.name)
def test_the_generated_stubs_are_those_of_the_contract(file: FileDescriptor) -> None:
    """Stubs of yesterday's contract would refuse today's calls: `make stubs` brings them up."""
    generated = FileDescriptorProto.FromString(file.serialized_pb)
    fresh = deepcopy(compiled(file.name))
    # What protoc adds for readers of an image only.
    fresh.ClearField("source_code_info")
    for message in fresh.message_type:
        # The message of keys and values behind a map is the only one that lies inside another.
        for field in (*message.field, *(part for entry in message.nested_type for part in entry.field)):
            field.ClearField("json_name")
    for extension in fresh.extension:
        extension.ClearField("json_name")
    assert generated == fresh


@pytest.mark.process
def test_the_client_package_holds_the_stubs_and_nothing_of_the_server(wheel: Path) -> None:
    """A till must not get our tables, nor our dependencies."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        [metadata] = [archive.read(name).decode() for name in names if name.endswith("/METADATA")]
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"fealty", "buf"}
    assert not [name for name in names if "__pycache__" in name]
    for proto in NAMES:
        assert {proto.replace(".proto", "_pb2.py"), proto.replace(".proto", "_pb2.pyi")} <= set(names)
    assert {"fealty/py.typed", "fealty/service_config.json", "buf/validate/validate_pb2.py"} <= set(names)
    assert {"fealty/services.py", "fealty/async_services.py", "fealty/v1/__init__.py"} <= set(names)
    assert not [name for name in names if "generate" in name]
    requires = re.findall(r"^Requires-Dist: ([a-z-]+)", metadata, re.MULTILINE)
    assert sorted(requires) == ["googleapis-common-protos", "grpcio", "protobuf", "types-grpcio", "types-protobuf"]


@pytest.mark.process
def test_the_client_package_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """What is missing in it shows only where nothing else is there."""
    subprocess.run([sys.executable, "-c", USE, str(wheel)], check=True, cwd=tmp_path)


def test_the_generated_client_is_that_of_the_contract() -> None:
    """Every method of every service, and every name: one that is missing is one that nobody can use."""
    generate_client = script("generate_client")
    contract = generate_client.Contract(image())
    root = PROTOS / "fealty"
    assert (root / "v1" / "__init__.py").read_text() == "".join(generate_client.names(contract))
    for kind in (generate_client.BLOCKING, generate_client.ASYNC):
        written = (root / kind.file).read_text()
        assert written == "".join(generate_client.services(contract, kind))
        assert {f"def {method.name}(" for method in methods()} <= set(re.findall(r"def [A-Z]\w+\(", written))
    declared = {name for file in files() for name in (*file.message_types_by_name, *file.enum_types_by_name)}
    values = {value for file in files() for enum in file.enum_types_by_name.values() for value in enum.values_by_name}
    assert declared | values <= set(vars(v1))


@pytest.mark.process
def test_a_type_checker_finds_what_a_caller_got_wrong_and_nothing_else(wheel: Path, tmp_path: Path) -> None:
    """Found in the editor, and not by a customer at the till. Of the recipes nothing is to be said."""
    for number, block in enumerate(RECIPES.values()):
        (tmp_path / f"recipe_{number}.py").write_text(GOING_ON + block.code)
    (tmp_path / "recipe_coupons.py").write_text(LIFE_OF_A_COUPON.code)
    (tmp_path / "recipe_passes.py").write_text(WAY_OF_A_PASS.code)
    (tmp_path / "recipe_installed.py").write_text(INSTALLED.code)
    asynchronous = "".join(f"    {line}\n" for line in ASYNC.splitlines())
    head = f"{GOING_ON}\nfrom fealty import connect_async, refusal_of\n"
    (tmp_path / "recipe_async.py").write_text(f"{head}\nasync def run(key: str) -> None:\n{asynchronous}")
    (tmp_path / "wrong.py").write_text(head + WRONG)
    found = _type_errors(wheel, tmp_path)
    first = len((head + WRONG).splitlines()) - len(WRONG.splitlines()) + 2
    expected = {("wrong.py", first + number) for number in range(len(WRONG.strip().splitlines()))}
    assert found == expected


def test_the_retry_policy_covers_every_service_and_never_a_stream() -> None:
    """A service that is added later is retried like the others; half a stream cannot be sent again."""
    config = json.loads(resources("fealty").joinpath("service_config.json").read_text())
    retried, alone = config["methodConfig"]
    # Whatever has no entry of its own.
    assert retried["name"] == [{}]
    streams = [m for m in methods() if m.client_streaming or m.server_streaming]
    # Without a timeout of ours, too: a watch that ends after ten seconds is none.
    assert set(alone) == {"name"}
    named = {(name["service"], name["method"]) for name in alone["name"]}
    # What is good once, and has no request_id: sent again after a lost answer, it would be refused as wrong.
    once = {"VerifyCode", "AcceptInvitation", "ResetPassword", "ChangePassword", "ConfirmTotp"}
    assert named == {(m.containing_service.full_name, m.name) for m in methods() if m in streams or m.name in once}
    assert set(retried["retryPolicy"]["retryableStatusCodes"]) == {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}


def _type_errors(wheel: Path, folder: Path) -> set[tuple[str, int]]:
    """File and line of what mypy finds in a folder of programs whose user has the wheel installed."""
    installed = folder.parent / "installed"
    with ZipFile(wheel) as archive:
        archive.extractall(installed)
    arguments = ["--strict", "--no-error-summary", "--cache-dir", str(folder.parent / "cache"), "."]
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    found = re.findall(r"^(\S+):(\d+): error: ", ended.stdout, re.MULTILINE)
    assert len(found) == ended.stdout.count(" error: "), ended.stdout
    return {(file, int(line)) for file, line in found}
