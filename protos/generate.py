"""Builds the client of the contract where it is used: stubs, their types and the services, or a Buf image.

Nothing is vendored. The rules' own schema comes as a descriptor from the installed `protovalidate`, and
google/rpc from the installed `googleapis-common-protos`.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import generate_client
from google.protobuf import descriptor_pb2
from google.rpc import status_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent
INCLUDES = Path(protoc.__file__).resolve().parent / "_proto"
TYPES = Path(sys.executable).parent / "protoc-gen-mypy_grpc"
WELL_KNOWN = ("any", "descriptor", "duration", "field_mask", "struct", "timestamp")


def main() -> int:
    """Exit code 0 when every file was generated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="write a Buf image (a FileDescriptorSet) there instead of stubs")
    image = parser.parse_args().image
    return write_stubs() if image is None else write_image(image)


def write_stubs() -> int:
    """Beside the files that they are of; the exit code of protoc."""
    with tempfile.TemporaryDirectory() as folder:
        arguments, ours = _arguments(folder)
        messages = [f"--python_out={ROOT}", f"--pyi_out={ROOT}", "buf/validate/validate.proto", *ours]
        services = [f"--grpc_python_out={ROOT}", f"--plugin=protoc-gen-mypy_grpc={TYPES}", f"--mypy_grpc_out={ROOT}"]
        with_services = [name for name in ours if "\nservice " in (ROOT / name).read_text()]
        compiled = Path(folder) / "ours.binpb"
        whole = [f"--descriptor_set_out={compiled}", "--include_source_info"]
        for wanted in ([*messages], [*services, *with_services], [*whole, *ours]):
            if failed := protoc.main([*arguments, *wanted]):
                return int(failed)
        generate_client.write(descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()), ROOT)
        return 0


def write_image(image: Path) -> int:
    """With all that is imported, and all comments; the exit code of protoc."""
    with tempfile.TemporaryDirectory() as folder:
        arguments, ours = _arguments(folder)
        whole = [f"--descriptor_set_out={image}", "--include_imports", "--include_source_info"]
        return int(protoc.main([*arguments, *whole, *ours]))


def _arguments(folder: str) -> tuple[list[str], list[str]]:
    imports = Path(folder) / "imports.binpb"
    imports.write_bytes(imported_descriptors().SerializeToString())
    ours = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("fealty/**/*.proto"))
    return ["protoc", f"--descriptor_set_in={imports}", f"--proto_path={ROOT}"], ours


def imported_descriptors() -> descriptor_pb2.FileDescriptorSet:
    """What our files import: well-known types, google.rpc.Status, and the schema of the validation rules."""
    found = descriptor_pb2.FileDescriptorSet()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "well_known.binpb"
        names = [f"google/protobuf/{name}.proto" for name in WELL_KNOWN]
        if protoc.main(["protoc", f"--proto_path={INCLUDES}", f"--descriptor_set_out={out}", *names]):
            raise SystemExit("protoc could not read its own well-known types; reinstall grpcio-tools")
        found.ParseFromString(out.read_bytes())
    status_pb2.DESCRIPTOR.CopyToProto(found.file.add())
    found.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return found


if __name__ == "__main__":
    sys.exit(main())
