"""Display filters: what they mean, what null does, and that nothing but a Filter or a FilterError ever comes out."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcpinspect.errors import FilterError
from tcpinspect.model import filter as display_filter
from tcpinspect.schema import CONNECTIONS, SEGMENTS, TABLES

Row = namedtuple("Row", [column.name for column in SEGMENTS])  # type: ignore[misc]  # noqa: PYI024


def segment(**values: Any) -> Any:
    row = {c.name: None if c.nullable else {"int": 0, "bool": False, "str": ""}[c.type] for c in SEGMENTS}
    return Row(**{**row, **values})


def matches(text: str, **values: Any) -> bool:
    return display_filter.compile(text, SEGMENTS).matches(segment(**values))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("retransmission", {"retransmission": True}),
        ("retransmission and payload_len > 0", {"retransmission": True, "payload_len": 1}),
        ("retransmission && !out_of_order || false", {"retransmission": True}),
        ("NOT retransmission", {}),
        ("retransmission == 1", {"retransmission": True}),
        ("tcp.analysis.retransmission && tcp.len eq 7", {"retransmission": True, "payload_len": 7}),
        ("src == '192.0.2.1' and dst_port in [80, 443]", {"src": "192.0.2.1", "dst_port": 443}),
        ("src == 192.0.2.1", {"src": "192.0.2.1"}),
        ("src == 2001:DB8:0::1", {"src": "2001:db8::1"}),
        ("src == ::FFFF:192.0.2.1", {"src": "::ffff:192.0.2.1"}),
        ("src in {192.0.2.1, ::1}", {"src": "::1"}),
        ("dst_port not in (80, 443)", {"dst_port": 22}),
        ("dst_port in (22)", {"dst_port": 22}),
        ("tcp_flags & 0x02", {"tcp_flags": 0x12}),
        ("not tcp_flags & 4", {"tcp_flags": 0x12}),
        ("tcp_flags & 0x12 == 0x12", {"tcp_flags": 0x12}),
        ("100 < payload_len <= 1_460", {"payload_len": 1460}),
        ("seq + payload_len - 1 == 10 * 2 % 7 + 3", {"seq": 1, "payload_len": 9}),
        ("ack_rtt_ns / 2 > 100ms", {"ack_rtt_ns": 200_000_002}),
        ("ack_rtt_ns < 1.5s", {"ack_rtt_ns": 1_499_999_999}),
        ("seq == -5 + 6", {"seq": 1}),
        ("'mss' in options", {"options": "mss 1460,sackOK"}),
        ("'ws' not in options", {"options": "mss 1460"}),
        (r'options == "a\"b\\\n"', {"options": 'a"b\\\n'}),
        ("window is null", {}),
        ("window == null", {}),
        ("window is not null", {"window": 0}),
        ("window != null", {"window": 0}),
        ("null is window", {}),
        ("tcp.analysis.ack_rtt > 0.05", {"ack_rtt_ns": 50_000_001}),
        ("not tcp.analysis.ack_rtt > 0.05", {"ack_rtt_ns": 50_000_000}),
        ("tcp.analysis.ack_rtt == 50ms", {"ack_rtt_ns": 50_000_000}),
        ("0.05 < tcp.analysis.rto <= 1", {"rto_ns": 1_000_000_000}),
        ("tcp.analysis.rto in {0.05 1}", {"rto_ns": 50_000_000}),
        ("tcp.analysis.rto * 2 + 0.5 == 2.5", {"rto_ns": 1_000_000_000}),
        ("tcp.analysis.rto > -0.5", {"rto_ns": 1}),
        ("tcp.analysis.rto / tcp.analysis.ack_rtt == 2", {"rto_ns": 4, "ack_rtt_ns": 2}),
        ("tcp.analysis.rto == rto_ns", {"rto_ns": 4}),
        ("frame.time_epoch == 1700000000.123456789", {"time_ns": 1_700_000_000_123_456_789}),
        ("ack_rtt_ns > 50", {"ack_rtt_ns": 51}),
        ("tcp.flags.syn==1 && tcp.flags.ack == 0", {"tcp_flags": 2}),
        ("tcp.flags.reset and not tcp.flags.fin", {"tcp_flags": 4}),
        ("tcp.flags.push and tcp.flags.urg and tcp.flags.ece and tcp.flags.cwr", {"tcp_flags": 0xE8}),
        ("tcp_flags == 'SYN,ACK' and flags == 'S.' and flags == 0x12", {"tcp_flags": 0x12}),
        ("tcp_flags contains ack", {"tcp_flags": 0x12}),
        ("tcp_flags contains SYN", {"tcp_flags": 0x12}),
        ("not tcp_flags contains 'SYN,ACK'", {"tcp_flags": 2}),
        ("flags in {SYN, 'FIN,ACK'}", {"tcp_flags": 0x11}),
        ("ip.addr == 192.0.2.1", {"src": "::1", "dst": "192.0.2.1"}),
        ("ip.src == 192.0.2.1 or ipv6.src == ::1", {"src": "::1"}),
        ("ip.addr != 192.0.2.1", {"src": "::1", "dst": "::2"}),
        ("not ip.addr != 192.0.2.1", {"src": "192.0.2.1", "dst": "::2"}),
        ("tcp.port == 80", {"src_port": 80, "dst_port": 5}),
        ("tcp.port in {80 443} and tcp.port in {80, 443}", {"dst_port": 443}),
        ("tcp.port not in {80 443}", {"dst_port": 5}),
        ("ip.addr in {192.0.2.1 ::1}", {"dst": "::1"}),
        ("tcp.stream eq 3", {"stream": 3}),
        ("tcp.analysis.flags", {"zero_window": True}),
        ("!tcp.analysis.flags", {}),
        ("options contains 'mss'", {"options": "mss 1460"}),
        ("not options contains mss and frame == 1", {"options": "ws", "frame": 1}),
        ("checksum_status == good", {"checksum_status": "good"}),
        ("len > 3 and rtt > 5ms", {"payload_len": 4, "ack_rtt_ns": 6_000_000}),
    ],
)
def test_filter_matches(text: str, values: dict[str, Any]) -> None:
    assert matches(text, **values)


@pytest.mark.parametrize(
    "text",
    [
        "window == 0", "window != 0", "window > 0", "not window == 0", "not (window > 0)", "window + 1 > 0", "-window < 1",
        "window in [0]", "window not in [0]", "window & 1", "not window & 1", "window == ack", "window > 0 and true",
        "payload_len / seq_raw == 0", "payload_len % seq_raw == 0", "not payload_len / seq_raw > 1", "1 < window < 5",
    ],
)  # fmt: skip
def test_filter_unknown_neither_matches_nor_its_contrary(text: str) -> None:
    assert not matches(text)


def test_filter_unknown_does_not_spoil_what_is_decided() -> None:
    assert matches("window > 0 or true")
    assert matches("not (window > 0 and false)")


def test_filter_rows_keeps_order_and_laziness() -> None:
    found = display_filter.compile("frame > 1", SEGMENTS).rows(iter([segment(frame=n) for n in range(4)]))
    assert [row.frame for row in found] == [2, 3]


def test_filter_names_its_columns_in_the_order_of_the_schema() -> None:
    assert display_filter.compile("payload_len > 0 and tcp.stream == 1", SEGMENTS).columns == ("stream", "payload_len")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("retransmision", "near: retransmission"),
        ("payload > 0", "near: payload_len"),
        ("client == 1", 'no column "client"'),
        ("conn_state == SF", "it is one of connections"),
        ("ack_rtt_ns > 0.05", "write 50ms"),
        ("rto_ns in [1.5]", "write 1.5s"),
        ("payload_len / 0 == 1", "division by zero"),
        ("payload_len % (1 - 1) == 1", "division by zero"),
        ("port 80", "write tcp.port == 80"),
        ("frame > 1 and src host 192.0.2.1", "write src == 192.0.2.1"),
        ("dst port 80", "write dst_port == 80"),
        ("host ::1", "write ipv6.addr == ::1"),
        ("tcp_flags == 'SYM'", "SYN,ACK"),
        ("frame contains 'x'", "contains stands between"),
        ("options matches 'x'", "write contains"),
        ("tcp.port + 1 == 5", "name the column"),
        ("options == 'a' 'b'", "side by side"),
        ("source == 192.0.2.1", "src_port"),
        ("time > 5", "time_ns"),
        ("frame = 3", "write =="),
        ("frame = 3", "character 7"),
        ("frame == 3 and ", "(end)"),
        ("", "empty"),
        ("   ", "empty"),
        ("frame", "no condition"),
        ("src > 5", "text cannot be compared with a number"),
        ("src == true", "cannot be compared"),
        ("retransmission < true", "cannot be compared"),
        ("src + 1 == 2", "text where a number is needed"),
        ("window < null", "no order"),
        ("frame is 5", "only null"),
        ("frame in [src]", "only constants"),
        ("frame in [-seq]", "only constants"),
        ("frame in [1, 'a']", "only constants"),
        ("frame in src", "after in"),
        ("frame == 99999999999999999999", "64 bits"),
        ("frame == " + "9" * 5000, "a number"),
        ("src == 300.1.1.1", "no address"),
        ("src == 1:2:3", "no address"),
        ("(" * 500 + "true" + ")" * 500, "filter"),
        ("not " * 900 + "true", "nested"),
        ("+".join(["1"] * 900) + " == 1", "nested"),
        ("x" * 30_000, "longer than"),
        ("__import__('os').system('true')", "no column"),
        ("frame.__class__ == 1", "no column"),
        ("frame(1)", "not part"),
        ("frame[0]", "not part"),
        ("[frame] == 1", "not part"),
        ("{frame: 1}", "no meaning"),
        ("frame ** 2 == 4", "cannot be understood"),
        ("frame if true else frame", "no column"),
        ("lambda: 1", "no column"),
        ("f'{frame}' == src", "no column"),
        ("frame, stream", "not part"),
        ("*frame", "cannot be understood"),
        ("src == 'a\x1b[31m", "\\x1b[31m"),
    ],
)
def test_filter_refused_on_one_printable_line(text: str, says: str) -> None:
    with pytest.raises(FilterError) as caught:
        display_filter.compile(text, SEGMENTS)
    assert says in str(caught.value)
    assert str(caught.value).isprintable()


WORDS = st.sampled_from(
    ["frame", "src", "window", "retransmission", "and", "or", "not", "in", "is", "null", "true", "==", "!=", "<", ">=", "+", "-", "/", "%",
     "&", "&&", "||", "!", "(", ")", "[", "]", "{", "}", ",", "0", "7", "1.5", "2s", "0x1f", "'a'", '"b"', "::1", "1.2.3.4", "__class__",
     "contains", "tcp.port", "ip.addr", "tcp.flags.syn", "flags", "SYN", "tcp.analysis.rto", "tcp.analysis.flags", "rto_ns", "S.",
     ".", ":", "=", "\\", "\n", "\0", "é", "\udc80", "if", "lambda", "eval"]
)  # fmt: skip
ROWS = [segment(), segment(frame=1, window=2**40, src="a", retransmission=True), segment(frame=2**62, window=-1)]


@given(st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join), st.lists(WORDS, max_size=14).map("".join)))
@settings(max_examples=400, deadline=None)
def test_filter_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        found = display_filter.compile(text, SEGMENTS)
    except FilterError as error:
        assert str(error).isprintable()
        return
    assert isinstance(found, display_filter.Filter)
    for row in ROWS:
        assert found.matches(row) in (True, False)


@given(st.sampled_from(sorted(TABLES)), st.data())
@settings(max_examples=60, deadline=None)
def test_filter_every_column_can_be_asked_for(table: str, data: st.DataObject) -> None:
    column = data.draw(st.sampled_from(TABLES[table]))
    value = {"int": "5", "bool": "true", "str": "'x'"}[column.type]
    assert display_filter.compile(f"{column.name} == {value} or {column.name} is null", TABLES[table]).columns == (column.name,)


def test_filter_conn_state_as_in_the_help() -> None:
    assert display_filter.compile('conn_state != "SF"', CONNECTIONS).columns == ("conn_state",)


@pytest.mark.parametrize(
    ("table", "text", "values"),
    [
        ("timeline", "to_state == TIME-WAIT", {"to_state": "TIME-WAIT"}),
        ("timeline", "to == time_wait", {"to_state": "TIME-WAIT"}),
        ("timeline", "from in {FIN-WAIT-1, CLOSING} and rfc == 3.10.7.4", {"from_state": "FIN-WAIT-1", "rfc": "3.10.7.4"}),
        ("timeline", "rfc == 3.5 and side == client", {"rfc": "3.5", "side": "client"}),
        ("timeline", "ip.addr == ::1 and tcp.port == 80", {"address": "::1", "port": 80}),
        ("findings", "severity == warn or id == TI-X-Y", {"severity": "warn"}),
        ("findings", "severity in [warn error]", {"severity": "error"}),
        ("connections", "state == SF && duration > 1.5s", {"conn_state": "SF", "duration_ns": 2 * 10**9}),
        ("connections", "handshake == three-way", {"handshake": "three-way"}),
        ("connections", "client_state==FIN-WAIT-2", {"client_state": "FIN-WAIT-2"}),
        ("connections", "ip.addr == ::1 and tcp.port == 443", {"server": "::1", "client_port": 443}),
        ("connections", "tcp.analysis.initial_rtt < 0.2", {"initial_rtt_ns": 10**8}),
    ],
)
def test_filter_words_and_headings(table: str, text: str, values: dict[str, Any]) -> None:
    row = tuple(values.get(c.name, None if c.nullable else {"int": 0, "bool": False, "str": ""}[c.type]) for c in TABLES[table])
    found = display_filter.compile(text, TABLES[table])
    assert found.matches(row)
    assert set(values) <= set(found.columns)
