"""Thin views on the engine's tables: Analysis, Connection, Side, Table. Floor 3."""
