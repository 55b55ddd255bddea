"""The phones of the demo's households, and what stands in for Apple, Google and a mail server.

This file imports nothing.
"""
