"""Attacks on a running Fealty, each beside an honest caller that must not notice; and kills that must lose nothing."""
