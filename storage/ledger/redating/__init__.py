"""Gives open lots another expiry: the only way in which points lose that of the policy they were issued under.

An operation: a call asks for it, which settles what it covers and takes its first step (commands.py); the other steps
are the workers' (steps.py). Covered are the lots that stand in the books when it is asked for. Each step looks at them
as they are then: what was spent meanwhile, has expired, or went to a lot of somebody else's by a merge or a transfer,
stays as it is.
"""
