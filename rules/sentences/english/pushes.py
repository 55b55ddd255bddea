"""What becomes of pushes to phones as a whole: stopped, going on, and the certificates that they need."""

from collections.abc import Mapping

from rules.sentences.english import speech
from rules.sentences.english.templates import Template
from rules.sentences.english.told import Told


def _expiring(told: Told) -> str:
    days = told["days_left"]
    when = f"ends in {speech.count(days, 'day')}" if days > 0 else "ends within a day" if not days else "has ended"
    return f"Certificate of {told.last} ({told['file']}) {when}"


TEMPLATES: Mapping[str, Template] = {
    "pushes.halted": lambda told: f"Pushes of {told.last} stopped: {told['reason']}",
    "pushes.resumed": lambda told: f"Pushes of {told.last} go on, stopped before for {told['reason']}",
    "pass.device_gone": lambda told: f"Pass of {told.customer} is gone from one phone: {told['answer']}",
    "certificate.expiring": _expiring,
}
