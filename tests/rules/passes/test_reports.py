"""Lines of phones as they are kept: readable, about a pass, and without what opens anything."""

import pytest

from rules.passes.reports import cleaned, serial_in

SERIAL = "pass_01jd8xq5e2f0v8k4x7c9w3m1na"
DEVICE, PUSH_TOKEN, TOKEN = "3f" * 16, "0A" * 32, "qU_F_7eeaw-tCXVVTOm0jjiZSrudvIW0"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        # As iOS writes them.
        (
            f"[2026-11-30 09:14:02 +0100] Get pass task (for device {DEVICE}, pass type pass.com.example.club, serial"
            f" number {SERIAL}; with web service url https://passes.example.com) encountered error: Unexpected",
            "[2026-11-30 09:14:02 +0100] Get pass task (for device …, pass type pass.com.example.club, serial number"
            f" {SERIAL}; with web service url https://passes.example.com) encountered error: Unexpected",
        ),
        (f"Authorization: ApplePass {TOKEN}", "Authorization: ApplePass …"),
        (f'{{"pushToken":"{PUSH_TOKEN}"}}', '{"pushToken":"…"}'),
        ("pushToken=abcd", "pushToken=…"),
        (f"GET /v1/devices/short/registrations/x/{SERIAL}", f"GET /v1/devices/…/registrations/x/{SERIAL}"),
        ("https://passes.example.com/p/AbCdEfGhIjKlMnOpQrStUv opened", "https://passes.example.com/p/… opened"),
        # What only moves a cursor or hides what is behind it.
        ("a\x1b[31mb\r\nc\td\u202ee\u2028f", "a [31mb c d e f"),
        ("one   two", "one two"),
        ("\x00\x01", ""),
        # Words stay, however long.
        ("Verschlüsselungsverfahren internationalisation", "Verschlüsselungsverfahren internationalisation"),
    ],
)
def test_what_is_kept_of_a_line(line: str, kept: str) -> None:
    """Support reads it beside the pass; whoever sent it may have been anybody."""
    assert cleaned(line, 1_000) == kept


def test_a_line_has_an_end() -> None:
    """However long it was, and whatever stood at the place where it is cut."""
    assert len(cleaned("ab " * 100_000, 1_000)) <= 1_000
    assert TOKEN[:20] not in cleaned("x " * 480 + TOKEN, 1_000)


@pytest.mark.parametrize(
    ("line", "serial"),
    [
        (f"serial number {SERIAL}; with", SERIAL),
        (f"/{SERIAL}?x", SERIAL),
        (f"{SERIAL}a", ""),
        (f"x{SERIAL}", ""),
        ("pass_zzzzzzzzzzzzzzzzzzzzzzzzzz", ""),
        ("pass_" + "i" * 26, ""),
        ("", ""),
    ],
)
def test_the_pass_that_a_line_is_about(line: str, serial: str) -> None:
    """Only what can be the id of a pass."""
    assert serial_in(line) == serial
