"""What other services install: stubs of this very contract, the retry policy, and nothing of the server."""

import json
import re
import subprocess
import sys
from importlib.resources import files as resources
from pathlib import Path
from zipfile import ZipFile

import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from tests.contract.descriptors import NAMES, PROTOS, compiled, files, methods

# Run with the wheel before everything else on the path, as another service would have it.
USE = """
import sys
sys.path.insert(0, sys.argv[1])
import fealty
from fealty.v1 import points_pb2, points_pb2_grpc
assert fealty.__file__.startswith(sys.argv[1]), fealty.__file__
assert points_pb2.__file__.startswith(sys.argv[1])
with fealty.connect("127.0.0.1:1", "key") as channel:
    points_pb2_grpc.PointsServiceStub(channel).GetBalance
assert not {"server", "storage", "rules", "peewee", "psycopg"} & set(sys.modules)
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
    fresh = compiled(file.name)
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
    requires = re.findall(r"^Requires-Dist: ([a-z-]+)", metadata, re.MULTILINE)
    assert sorted(requires) == ["googleapis-common-protos", "grpcio", "protobuf"]


@pytest.mark.process
def test_the_client_package_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """What is missing in it shows only where nothing else is there."""
    subprocess.run([sys.executable, "-c", USE, str(wheel)], check=True, cwd=tmp_path)


def test_the_retry_policy_covers_every_service_and_never_a_stream() -> None:
    """A service that is added later must be retried like the others; half a stream cannot be sent again."""
    config = json.loads(resources("fealty").joinpath("service_config.json").read_text())
    retried, alone = config["methodConfig"]
    services = {method.containing_service.full_name for method in methods()}
    assert {name["service"] for name in retried["name"]} == services
    streams = [m for m in methods() if m.client_streaming or m.server_streaming]
    # Without a timeout of ours, too: a watch that ends after ten seconds is none.
    assert set(alone) == {"name"}
    named = {(name["service"], name["method"]) for name in alone["name"]}
    assert named == {(m.containing_service.full_name, m.name) for m in streams}
    assert set(retried["retryPolicy"]["retryableStatusCodes"]) == {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}
