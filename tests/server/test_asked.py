"""What a request says, to rules of approval: nothing that it does is kept from them."""

from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor

from fealty.v1 import options_pb2
from server.asked import approvable, asked_of
from server.policy import FILES

MASKED = [name for name, method in approvable().items() if "update_mask" in method.request.DESCRIPTOR.fields_by_name]


@pytest.mark.parametrize("name", MASKED)
def test_an_update_sets_what_its_mask_names_and_without_one_what_is_sent(name: str) -> None:
    """The books take both as meant; a rule that saw one of them only would be gone round by leaving the mask out."""
    request = approvable()[name].request
    [part] = (field for field in request.DESCRIPTOR.fields if _is_whole(field))
    for field in part.message_type.fields:
        path = f"{part.name}.{field.name}"
        sent = request()
        _set(getattr(sent, part.name), field)
        assert any(one == path or one.startswith(f"{path}.") for one in asked_of(name, sent).paths), path
        sent.update_mask.paths.append(field.name)
        assert path in asked_of(name, sent).paths
        other = request(update_mask={"paths": ["name"]})
        _set(getattr(other, part.name), field)
        assert (path in asked_of(name, other).paths) == (field.name == "name")


def test_what_is_told_once_cannot_be_put_under_approval() -> None:
    """Nobody would ever learn the key. Codes of coupons are told again, to who may see them."""
    secret = {
        one.name
        for file in FILES
        for service in file.services_by_name.values()
        for one in service.methods
        if one.name in approvable() and any(_is_secret(field) for field in one.output_type.fields)
    }
    assert secret == {"AssignCoupon", "ClaimReward"}


def _is_secret(field: FieldDescriptor) -> bool:
    extension: Any = options_pb2.data_class
    return bool(field.GetOptions().Extensions[extension] == options_pb2.DATA_CLASS_SECRET)


def _is_whole(field: FieldDescriptor) -> bool:
    kind = field.message_type
    return kind is not None and "name" in kind.fields_by_name


def _set(message: Any, field: FieldDescriptor) -> None:
    """Sets a field to anything that can be seen."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        value = kind.fields_by_name["value"]
        assert value.message_type is None
        getattr(message, field.name)["a"] = "b" if value.cpp_type == FieldDescriptor.CPPTYPE_STRING else 1
    elif kind is not None:
        getattr(message, field.name).add() if field.is_repeated else getattr(message, field.name).SetInParent()
    else:
        one = "a" if field.cpp_type == FieldDescriptor.CPPTYPE_STRING else 1
        setattr(message, field.name, one) if not field.is_repeated else getattr(message, field.name).append(one)
