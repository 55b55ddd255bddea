"""What Google keeps of classes and objects, and how it answers those who change it: no network, no time.

Bodies are checked by Google's own discovery document, then as its guides say: a class before its objects, approved by
Google and by nobody else, one form of a balance, linked objects that are there.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from walletkit.discovery import faults

_ID = re.compile(r"([0-9]{1,25})\.[A-Za-z0-9._-]+")
_COLLECTION = re.compile(r"(loyalty|offer|generic|eventTicket|flight|giftCard|transit)(Class|Object)")
_BALANCES = {"string", "int", "double", "money"}
LINKED_MAX = 50
MESSAGES_MAX = 10


class Failure(Exception):
    """An answer that is not 200: the status, and Google's word and sentence for it."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(status, reason, message)
        self.status = status
        self.reason = reason
        self.message = message


class Store:
    """Of all issuers. Things are in `kept`, by collection and id."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], dict[str, Any]] = {}

    def insert(self, collection: str, body: Any) -> dict[str, Any]:
        """POST. Raises Failure."""
        self._check_sent(collection, body, is_patch=False)
        self._check_whole(collection, body)
        key = (collection, body["id"])
        if key in self.kept:
            raise Failure(409, "alreadyExists", f"{body['id']} already exists")
        self.kept[key] = self._finished(collection, body)
        return self.kept[key]

    def get(self, collection: str, id_: str) -> dict[str, Any]:
        """GET. Raises Failure."""
        if not _COLLECTION.fullmatch(collection):
            raise Failure(404, "notFound", "no such method")
        found = self.kept.get((collection, id_))
        if found is None:
            noun = "class" if collection.endswith("Class") else "object"
            raise Failure(404, f"{noun}NotFound", f"{id_} not found")
        return found

    def patch(self, collection: str, id_: str, body: Any) -> dict[str, Any]:
        """PATCH: merges, replaces arrays whole, takes away what is null. Raises Failure."""
        found = self.get(collection, id_)
        self._check_sent(collection, body, is_patch=True)
        merged = _merged(found, body)
        if merged.get("id") != id_:
            raise Failure(400, "invalid", "the id in the body is another one")
        self._check_whole(collection, merged)
        if "linkedObjectIds" in found:  # what is linked stays linked
            kept = found["linkedObjectIds"]
            merged["linkedObjectIds"] = kept + [one for one in merged.get("linkedObjectIds", []) if one not in kept]
        self.kept[collection, id_] = self._finished(collection, merged)
        return self.kept[collection, id_]

    def replace(self, collection: str, id_: str, body: Any) -> dict[str, Any]:
        """PUT. Raises Failure."""
        self.get(collection, id_)
        self._check_sent(collection, body, is_patch=False)
        self._check_whole(collection, body)
        self.kept[collection, id_] = self._finished(collection, body)
        return self.kept[collection, id_]

    def add_message(self, collection: str, id_: str, body: Any) -> dict[str, Any]:
        """POST addMessage. Raises Failure."""
        found = self.get(collection, id_)
        _refuse(faults("AddMessageRequest", body, False))
        messages = [*found.get("messages", []), body.get("message", {})]
        found["messages"] = messages[-MESSAGES_MAX:]
        return {"resource": found}

    def class_of(self, object_: Mapping[str, Any], collection: str) -> dict[str, Any] | None:
        """The class of an object, which must be of the same kind."""
        return self.kept.get((collection.replace("Object", "Class"), str(object_.get("classId"))))

    def object(self, object_id: str) -> tuple[str, dict[str, Any]]:
        """An object, with its collection. Raises KeyError."""
        for (collection, id_), found in self.kept.items():
            if id_ == object_id and collection.endswith("Object"):
                return collection, found
        raise KeyError(object_id)

    def _check_sent(self, collection: str, body: Any, is_patch: bool) -> None:
        if not _COLLECTION.fullmatch(collection):
            raise Failure(404, "notFound", "no such method")
        _refuse(faults(_schema(collection), body, is_patch))
        if str(body.get("reviewStatus", "")).lower() in ("approved", "rejected"):
            raise Failure(400, "invalidReviewStatus", "only Google approves and rejects")

    def _check_whole(self, collection: str, body: Mapping[str, Any]) -> None:
        _refuse(faults(_schema(collection), body, False) + list(_worse(body)))
        if not _ID.fullmatch(body["id"]):
            raise Failure(400, "invalidResource", "Invalid resource ID")
        if collection.endswith("Object"):
            self._check_object(collection, body)

    def _check_object(self, collection: str, body: Mapping[str, Any]) -> None:
        class_ = self.class_of(body, collection)
        if class_ is None:
            raise Failure(404, "classNotFound", f"class {body['classId']} not found")
        if class_.get("reviewStatus", "APPROVED") != "APPROVED":
            raise Failure(400, "classNotApproved", "the class of the object is not approved")
        for linked in body.get("linkedObjectIds", [])[:LINKED_MAX]:
            if not any(id_ == linked and place.endswith("Object") for place, id_ in self.kept):
                raise Failure(400, "invalidLinkedObject", f"linked object {linked} not found")

    def _finished(self, collection: str, body: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in body.items() if name != "notifyPreference"}
        if kept.get("reviewStatus") == "UNDER_REVIEW":
            kept["reviewStatus"] = "APPROVED"  # Google looks at once
        if collection.endswith("Object"):
            kept.setdefault("hasUsers", False)
            kept["linkedObjectIds"] = list(kept.get("linkedObjectIds", []))[:LINKED_MAX]
        return kept


def _schema(collection: str) -> str:
    return collection[0].upper() + collection[1:]


def issuer_of(id_: Any) -> str:
    """The issuer in an id; empty where it is none."""
    found = _ID.fullmatch(id_) if isinstance(id_, str) else None
    return found.group(1) if found else ""


def _worse(body: Any, path: str = "") -> Iterator[str]:
    """What the schema allows and Google refuses."""
    if isinstance(body, list):
        for place, part in enumerate(body):
            yield from _worse(part, f"{path}/{place}")
    elif isinstance(body, dict):
        balance = body.get("balance")
        if isinstance(balance, dict) and len([name for name in _BALANCES if balance.get(name) is not None]) > 1:
            yield f"{path}/balance: only one of {', '.join(sorted(_BALANCES))}"
        uri = body.get("sourceUri")
        if isinstance(uri, dict) and not str(uri.get("uri")).startswith("https://"):
            yield f"{path}/sourceUri/uri: must be https"
        for name, part in body.items():
            yield from _worse(part, f"{path}/{name}")


def _refuse(found: list[str]) -> None:
    if found:
        raise Failure(400, "badRequest", "; ".join(found)[:2000])


def _merged(found: Any, change: Any) -> Any:
    if not isinstance(change, dict):
        return change
    merged = dict(found) if isinstance(found, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
