"""What a template is."""

from collections.abc import Callable
from typing import TypeAlias

from rules.sentences.english.told import Told

# What happened, without who did it and without the full stop.
Template: TypeAlias = Callable[[Told], str]
