"""Capture files in: bytes to records, nothing interpreted. Floor 1."""
