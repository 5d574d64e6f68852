"""Rows of the table `connections` for the tests of what they mean."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tcpinspect import schema

Row = Callable[..., Any]


def _ordinary(**changes: Any) -> Any:
    """A row of `connections` that nothing is wrong with, with `changes`."""
    row: dict[str, Any] = {
        column.name: None if column.nullable else {"int": 0, "bool": False, "str": ""}[column.type] for column in schema.CONNECTIONS
    }
    row.update(
        client="192.0.2.1", client_port=40000, server="192.0.2.2", server_port=80, duration_ns=10**9, client_packets=6, server_packets=5,
        conn_state="SF", completeness=31, handshake="three-way", teardown="four-segment",
        client_evidence="observed", client_state="TIME-WAIT",
        server_state="CLOSED", first_frame=1, last_frame=11, client_mss=1460, server_mss=1460, client_window_shift=7, server_window_shift=7,
    )  # fmt: skip
    row.update(changes)
    return SimpleNamespace(**row)


@pytest.fixture
def ordinary() -> Row:
    """A function that makes such a row: `ordinary(teardown="aborted")`."""
    return _ordinary
