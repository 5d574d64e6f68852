"""Capture files in and out: bytes to records and back, nothing interpreted. Floor 1."""
