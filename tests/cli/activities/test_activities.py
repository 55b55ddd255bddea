"""`fealty activities`: the log as an operator reads it, follows it and takes it away."""

import csv
import hashlib
import json
import signal
from io import StringIO

import pytest

from tests.cli.terminal import Terminal, eventually, sentence

pytestmark = pytest.mark.process

OF_ADA = ("--program", "coffee", "--customer", "ada")


def test_the_log_is_listed_in_sentences_by_options_and_by_a_line(at_work: Terminal) -> None:
    """What the options say and what the line says must both match; times are where somebody asks for them."""
    listed = at_work.run("activities", "list", *OF_ADA, "--oldest-first", "--time-zone", "Asia/Kathmandu", "--total")
    assert listed.code == 0, listed
    head, *lines = listed.out.splitlines()
    assert head.startswith("TIME (Asia/Kathmandu)")
    assert [line.split("  ")[-1] for line in lines][1:] == [
        f"Purchase till-{number} of €12.50: 1,250 points (Plain) (Administrator boss)." for number in (71, 72)
    ]
    assert "3 in all" in listed.err
    asked = ("activities", "list", "--program", "coffee", "--category", "orders", "--limit", "1")
    [_, newest] = at_work.run(*asked).out.splitlines()
    assert "till-72" in newest
    [_, first] = at_work.run(*asked, "subject = programs/coffee/customers/ada/transactions/till-71").out.splitlines()
    assert "till-71" in first
    assert at_work.run(*asked, "--until", "2020-01-01").out.splitlines() == [head[:4] + _head()[4:]]
    assert "till-72" in at_work.run(*asked, "--since", "2020-01-01T08:00").out


def _head() -> str:
    return f"{'TIME':<19}  {'CATEGORY':<10} {'TYPE':<13}  WHAT HAPPENED"


def test_a_listed_activity_and_an_exported_line_say_the_same(at_work: Terminal) -> None:
    """Scripts may begin with one and go on with the other."""
    listed = json.loads(at_work.run("activities", "list", *OF_ADA, "--oldest-first", "--json").out)
    exported = at_work.run("activities", "export", "-", "--format", "ndjson", *OF_ADA)
    lines = [json.loads(line) for line in exported.out.splitlines()]
    assert [line for line in lines if line in listed["activities"]] == listed["activities"]
    assert len(listed["activities"]) == 3
    assert listed["more"] is False


def test_who_looked_at_a_customer_is_listed(at_work: Terminal) -> None:
    """Whoever answers a customer's letter needs no program for it."""
    at_work.run("activities", "list", *OF_ADA)
    asked = ("activities", "access", "ada", "--program", "coffee")
    head, look = at_work.run(*asked).out.splitlines()
    assert head.split() == ["TIME", "FROM", "WHO", "LOOKED", "AT", "WHAT"]
    assert look.endswith("127.0.0.1        3 activities of customer ada listed (Staff auditor).")
    [told] = json.loads(at_work.run(*asked, "--json").out)["accesses"]
    assert (told["actor"]["display_name"], told["method"]) == ("auditor", "/fealty.v1.AuditService/ListActivities")
    assert at_work.run("activities", "access", "nobody", "--program", "coffee").code == 1


def test_an_export_is_a_file_that_is_whole_and_stands_in_the_log(at_work: Terminal) -> None:
    """With its digest, which anybody can compute."""
    made = at_work.run("activities", "export", "log.csv", *OF_ADA)
    data = (at_work.folder / "log.csv").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    assert made.out == f"3 activities, {len(data):,} bytes\nSHA-256 {digest}\n"
    lines = list(csv.DictReader(StringIO(data.decode(), newline="")))
    assert [line["points"] for line in lines] == ["", "1250", "1250"]
    [recorded] = json.loads(at_work.run("activities", "list", "--action", "activity.exported", "--json").out)[
        "activities"
    ]
    assert recorded["details"]["parts"] == [{"bytes": len(data), "sha256": digest}]
    assert recorded["actor"]["display_name"] == "auditor"
    assert "The file log.csv exists already" in sentence(at_work.run("activities", "export", "log.csv"))
    again = json.loads(at_work.run("activities", "export", "log.csv", "--force", "--json", *OF_ADA).out)
    assert (again["rows"], again["sha256"]) != (3, digest)
    assert "cannot be written" in sentence(at_work.run("activities", "export", "nowhere/log.csv"))
    one = at_work.run("activities", "export", "one.csv", *OF_ADA, "--action", "customer.created")
    assert one.out.startswith("1 activity, ")
    assert not list(at_work.folder.glob("*.part"))


def test_the_log_is_followed_until_it_is_interrupted(at_work: Terminal) -> None:
    """By people as a table, by programs as lines."""
    told = at_work.start("activities", "follow", *OF_ADA, "--all")
    lines = at_work.start("activities", "follow", *OF_ADA, "--all", "--json", "--category", "orders")
    eventually(lambda: "till-72" in told.out and "till-72" in lines.out)
    assert told.end(signal.SIGINT).code == lines.end(signal.SIGINT).code == 130
    assert "Purchase till-71 of €12.50" in told.out
    assert {json.loads(line)["action"] for line in lines.out.splitlines()} == {"transaction.recorded"}
    assert at_work.run("activities", "follow").code == 2
    assert at_work.run("activities", "follow", "--program", "tea").out == ""


def test_whoever_looks_for_words_is_told_how_far_they_were_taken(at_work: Terminal) -> None:
    """Else an entry that is a second old, or all of them without a clock, would seem not to be there."""
    asked = ("activities", "list", *OF_ADA, "purchase AND category = ORDERS")
    assert "is a clock running?" in at_work.run(*asked).err
    assert json.loads(at_work.run(*asked, "--json").out)["text_complete_time"] is None
    at_work.start("clock")
    eventually(lambda: "Words are taken up to 20" in at_work.run(*asked).err)
    eventually(lambda: len(json.loads(at_work.run(*asked, "--json").out)["activities"]) == 2)
    assert json.loads(at_work.run(*asked, "--json").out)["text_complete_time"] > "2026"
    without = at_work.run("activities", "list", *OF_ADA, "category = ORDERS", "--json")
    assert "text_complete_time" not in json.loads(without.out)


def test_the_log_is_counted_by_the_same_filters(at_work: Terminal) -> None:
    """For people as charts, for programs with the same numbers; what is not asked for is not told."""
    asked = ("activities", "analyze", *OF_ADA, "--category", "orders", "--time-zone", "Asia/Kathmandu")
    shown = at_work.run(*asked, "--parts", "outcomes,trend", "--parts", "actors", "--period", "month", COLUMNS="60")
    assert shown.code == 0, shown
    head, _, trend, month, _, outcomes, succeeded, _, actors, boss = shown.out.splitlines()
    assert head.startswith("2 activities, as of ")
    assert head.endswith(" Asia/Kathmandu")
    assert (trend, outcomes, actors) == ("TREND, by the month", "OUTCOMES", "ACTORS")
    assert month.split() == [month[:7], "2", "░" * 41, "so", "far"]
    assert succeeded == f"succeeded  2  100.0%  {'█' * 38}"
    assert boss.startswith("boss (administrator)  2  ██")
    told = json.loads(at_work.run(*asked, "--json").out)
    assert (told["total"], told["basis"]["is_all"]) == (2, True)
    assert [bar["count"] for bar in told["trend"]] == [2]
    assert [one["subject"].rpartition("/")[2] for one in told["subjects"]] == ["till-71", "till-72"]
    assert len(json.loads(at_work.run(*asked, "--json", "--top", "1").out)["subjects"]) == 1
    line = "subject = programs/coffee/customers/ada/transactions/till-71"
    counted = json.loads(at_work.run(*asked, "--parts", "categories", "--json", line).out)
    assert counted["categories"] == [{"category": "ORDERS", "count": 1}]
    assert "trend" not in counted


def test_whoever_asks_wrongly_reads_what_to_do(at_work: Terminal) -> None:
    """Before anything is sent where that can be seen here; else in the server's words."""
    for wrong in (
        ("--category", "nonsense"),
        ("--since", "yesterday"),
        ("--time-zone", "Nowhere/Here"),
        ("--customer", "ada"),
        ("--program", ""),
        ("--program", "programs/coffee"),
        ("--program", "coffee", "--customer", "programs/coffee/customers/ada"),
        ("--since", "2026-03-02", "--until", "2026-03-01"),
        ("--since", "2026-03-01T08:00", "--until", "2026-02-28"),
    ):
        refused = at_work.run("activities", "list", *wrong)
        assert refused.code == 2
        assert wrong[-2] in refused.err
        assert "Traceback" not in refused.err
    assert "a name is wanted" in at_work.run("activities", "export", "", "--force").err
    assert at_work.run("activities", "list", "--since", "2026-03-01T08:00", "--until", "2026-03-01").code == 0
    for wrong in (("--parts", "trend,nonsense"), ("--period", "year"), ("--top", "0"), ("--top", "101")):
        refused = at_work.run("activities", "analyze", *wrong)
        assert refused.code == 2
        assert f"'{wrong[0]}'" in refused.err
    assert "2,400 bars" in sentence(at_work.run("activities", "analyze", "--period", "hour", "--since", "2020-01-01"))
    assert "filter_text" in sentence(at_work.run("activities", "list", "outcome ="))
    assert "programs/tea" in sentence(at_work.run("activities", "list", "--program", "tea"))
    assert "FEALTY_API_KEY" in sentence(at_work.run("activities", "list", FEALTY_API_KEY=""))
    secret = "fealty_0123"
    said = sentence(at_work.run("activities", "list", FEALTY_API_KEY=secret))
    assert "key" in said
    assert secret not in said
    assert "--address" in sentence(at_work.run("activities", "list", "--address", "127.0.0.1:1"))
    key_file = at_work.folder / "key"
    key_file.write_text(f"{at_work.environment['FEALTY_API_KEY']}\n")
    assert at_work.run("activities", "list", "--key-file", str(key_file), FEALTY_API_KEY="").code == 0
