"""What a refusal says: a sentence for people, and facts for programs."""

from rules.refusals import HoldExpired


def test_an_instant_is_written_for_people_in_the_sentence_and_for_programs_in_the_facts() -> None:
    """Nobody reads microseconds; a program reads nothing else."""
    refused = HoldExpired(hold=7, expired_at="2026-03-01T12:30:05.123456+00:00")
    assert str(refused) == "Hold 7 expired at 2026-03-01 12:30:05 UTC; its points went back to the account."
    assert refused.facts["expired_at"] == "2026-03-01T12:30:05.123456+00:00"
