"""What workers do, one noun a file. Listed here, an actor is worked on."""

from workers.actors.operations import OPERATION
from workers.actors.prune import PRUNE
from workers.actors.sweep import SWEEP_PROGRAM

ACTORS = (SWEEP_PROGRAM, OPERATION, PRUNE)
