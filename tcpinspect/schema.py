"""The columns of the four tables: name, type, unit, the names others give them, and one line of meaning. Floor 0.

Every table that leaves the program, in whatever format, has exactly these columns in this order, whatever the options.
Columns follow the tail of Wireshark's field name; where they do not, the reason stands beside the column.
Unknown is null: `nullable` says where that can happen.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Type = Literal["int", "bool", "str"]


class Column(NamedTuple):
    """One column. `unit` is "" for counts, codes and text; `wireshark` and `zeek` are the same fact elsewhere."""

    name: str
    type: Type
    nullable: bool
    unit: str
    wireshark: str
    zeek: str
    meaning: str


def _c(name: str, type: Type, meaning: str, *, null: bool = False, unit: str = "", wireshark: str = "", zeek: str = "") -> Column:
    return Column(name, type, null, unit, wireshark, zeek, meaning)


# The analysis flags, in the order of their bits in the engine's `analysis` word. Names are Wireshark's tcp.analysis.*
ANALYSIS_FLAGS: tuple[str, ...] = (
    "retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment", "ack_lost_segment",
    "duplicate_ack", "window_update", "window_full", "zero_window", "zero_window_probe", "zero_window_probe_ack",
    "keep_alive", "keep_alive_ack", "reused_ports",
)  # fmt: skip
_FLAG_MEANINGS = (
    "carries octets that were sent before",
    "retransmitted after duplicate acknowledgments",
    "retransmitted though already acknowledged",
    "arrived behind a later segment",
    "earlier octets are missing from the capture",
    "acknowledges octets that are missing from the capture",
    "repeats the acknowledgment before it",
    "only announces another window",
    "fills the receiver's window",
    "announces a window of zero",
    "one octet sent into a zero window",
    "answers a zero-window probe",
    "asks whether the peer is still there",
    "answers a keep-alive",
    "a new SYN on an address pair that was used before",
)

SEGMENTS: tuple[Column, ...] = (
    _c("frame", "int", "number of the frame in the file, from 1", wireshark="frame.number"),
    _c("time_ns", "int", "capture time since 1970-01-01 UTC", unit="ns", wireshark="frame.time_epoch"),
    _c("stream", "int", "number of the connection in the file, from 0", wireshark="tcp.stream"),
    _c("src", "str", "address of the sender", wireshark="ip.src"),
    _c("dst", "str", "address of the receiver", wireshark="ip.dst"),
    _c("src_port", "int", "port of the sender", wireshark="tcp.srcport"),
    _c("dst_port", "int", "port of the receiver", wireshark="tcp.dstport"),
    _c("seq_raw", "int", "sequence number as it stands", wireshark="tcp.seq_raw"),
    _c("ack_raw", "int", "acknowledgment number as it stands, also without ACK", wireshark="tcp.ack_raw"),
    _c("tcp_flags", "int", "the nine flag bits (a DataFrame has `flags` already)", wireshark="tcp.flags"),
    _c("payload_len", "int", "octets of data by the IP length (`len` is Python's)", unit="octets", wireshark="tcp.len"),
    _c("window_raw", "int", "the window field", wireshark="tcp.window_size_value"),
    _c(
        "window", "int", "octets the window means; null where its scale was not seen", null=True, unit="octets", wireshark="tcp.window_size"
    ),
    *(_c(name, "bool", meaning, wireshark="tcp.analysis." + name) for name, meaning in zip(ANALYSIS_FLAGS, _FLAG_MEANINGS, strict=True)),
    _c("duplicate_ack_num", "int", "ordinal of the duplicate, from 1", null=True, wireshark="tcp.analysis.duplicate_ack_num"),
    _c(
        "bytes_in_flight",
        "int",
        "octets sent and not acknowledged after this segment",
        null=True,
        unit="octets",
        wireshark="tcp.analysis.bytes_in_flight",
    ),
    _c("ack_rtt_ns", "int", "since the segment that this one acknowledges", null=True, unit="ns", wireshark="tcp.analysis.ack_rtt"),
    _c("initial_rtt_ns", "int", "SYN to the third segment of the handshake", null=True, unit="ns", wireshark="tcp.analysis.initial_rtt"),
    _c("rto_ns", "int", "since the original transmission", null=True, unit="ns", wireshark="tcp.analysis.rto"),
    _c("from_client", "bool", "the client sent it"),
    _c("seq", "int", "sequence number from the initial one", null=True, wireshark="tcp.seq"),
    _c("ack", "int", "acknowledgment number from the initial one; null without ACK", null=True, wireshark="tcp.ack"),
    _c("data_offset", "int", "header length in 32-bit words"),
    _c("reserved", "int", "the three reserved bits", wireshark="tcp.flags.res"),
    _c("checksum", "int", "the checksum field", wireshark="tcp.checksum"),
    _c("checksum_status", "str", "good, bad, unfinished (left to the network card), unverified (not wholly captured)"),
    _c("urgent_pointer", "int", "the urgent pointer field", wireshark="tcp.urgent_pointer"),
    _c("options", "str", "the options by name, as packetdrill writes them"),
    _c("mss", "int", "maximum segment size offered", null=True, unit="octets", wireshark="tcp.options.mss_val"),
    _c("window_shift", "int", "window scale offered", null=True, wireshark="tcp.options.wscale.shift"),
    _c("sack_permitted", "bool", "selective acknowledgments offered", wireshark="tcp.options.sack_perm"),
    _c("sack_blocks", "int", "number of selective acknowledgment blocks", wireshark="tcp.options.sack.count"),
    _c("ts_val", "int", "timestamp value", null=True, wireshark="tcp.options.timestamp.tsval"),
    _c("ts_ecr", "int", "timestamp echo reply", null=True, wireshark="tcp.options.timestamp.tsecr"),
    _c("options_malformed", "bool", "an option has an impossible length"),
    _c("cause", "str", "our own verdict: what made the sender send it, a word of insight.why.CAUSES; null: nothing unusual", null=True),
    _c("ttl", "int", "time to live of the IP packet, or hop limit", wireshark="ip.ttl"),
    _c("ip_id", "int", "identification of the IP packet; null for IPv6", null=True, wireshark="ip.id"),
)

CONNECTIONS: tuple[Column, ...] = (
    _c("stream", "int", "number of the connection in the file, from 0", wireshark="tcp.stream"),
    _c("client", "str", "address of the active opener", zeek="id.orig_h"),
    _c("client_port", "int", "port of the active opener", zeek="id.orig_p"),
    _c("server", "str", "address of the passive opener", zeek="id.resp_h"),
    _c("server_port", "int", "port of the passive opener", zeek="id.resp_p"),
    _c("start_ns", "int", "time of the first segment; the earliest one's where the capture's clock went back", unit="ns", zeek="ts"),
    _c("duration_ns", "int", "last minus first segment's time", unit="ns", zeek="duration"),
    _c("client_packets", "int", "segments the client sent", zeek="orig_pkts"),
    _c("server_packets", "int", "segments the server sent", zeek="resp_pkts"),
    _c("client_bytes", "int", "octets the client sent, by sequence numbers", null=True, unit="octets", zeek="orig_bytes"),
    _c("server_bytes", "int", "octets the server sent, by sequence numbers", null=True, unit="octets", zeek="resp_bytes"),
    _c("conn_state", "str", "the outcome in Zeek's words", zeek="conn_state"),
    _c("history", "str", "what happened, in Zeek's letters", zeek="history"),
    _c("completeness", "int", "SYN 1, SYN-ACK 2, ACK 4, DATA 8, FIN 16, RST 32", wireshark="tcp.completeness"),
    _c("handshake", "str", "kind of handshake"),
    _c("teardown", "str", "kind of teardown"),
    _c("client_evidence", "str", "how we know who is the client: observed (a SYN), inferred (a SYN-ACK), assumed (ports or first segment)"),
    _c("client_state", "str", "the client's last state; null where it never said a word", null=True),
    _c("server_state", "str", "the server's last state; null where it never said a word", null=True),
    _c("first_frame", "int", "frame of the first segment"),
    _c("last_frame", "int", "frame of the last segment"),
    _c("syn_to_syn_ack_ns", "int", "from the last SYN to the SYN-ACK", null=True, unit="ns"),
    _c("syn_ack_to_ack_ns", "int", "from the SYN-ACK to the third segment", null=True, unit="ns"),
    _c("initial_rtt_ns", "int", "SYN to the third segment", null=True, unit="ns", wireshark="tcp.analysis.initial_rtt"),
    _c("client_payload_bytes", "int", "octets of data in the client's segments, repeats included", unit="octets"),
    _c("server_payload_bytes", "int", "octets of data in the server's segments, repeats included", unit="octets"),
    _c("client_retransmissions", "int", "the client's retransmissions"),
    _c("server_retransmissions", "int", "the server's retransmissions"),
    _c("client_rtt_min_ns", "int", "least time until the client's segments were acknowledged", null=True, unit="ns"),
    _c("client_rtt_median_ns", "int", "median of the same", null=True, unit="ns"),
    _c("client_rtt_max_ns", "int", "most of the same", null=True, unit="ns"),
    _c("server_rtt_min_ns", "int", "least time until the server's segments were acknowledged", null=True, unit="ns"),
    _c("server_rtt_median_ns", "int", "median of the same", null=True, unit="ns"),
    _c("server_rtt_max_ns", "int", "most of the same", null=True, unit="ns"),
    _c("client_mss", "int", "maximum segment size the client offered", null=True, unit="octets"),
    _c("server_mss", "int", "maximum segment size the server offered", null=True, unit="octets"),
    _c("client_window_shift", "int", "window scale the client offered", null=True),
    _c("server_window_shift", "int", "window scale the server offered", null=True),
    _c("sack", "bool", "selective acknowledgments agreed; null where the handshake was not seen", null=True),
    _c("timestamps", "bool", "timestamps agreed; null where the handshake was not seen", null=True),
    _c("client_zero_windows", "int", "zero windows the client announced"),
    _c("server_zero_windows", "int", "zero windows the server announced"),
    _c("lost_segments", "int", "gaps in what was captured"),
    _c("duplicate_acks", "int", "duplicate acknowledgments both ways"),
    _c("out_of_order", "int", "segments out of order both ways"),
    _c("bad_checksums", "int", "segments with a bad checksum"),
    _c("handshake_detail", "str", "how the handshake came to be of its kind, a word of insight.details; null: nothing to add", null=True),
    _c("teardown_detail", "str", "how the close came to be of its kind, a word of insight.details; null: nothing to add", null=True),
)

TIMELINE: tuple[Column, ...] = (
    _c("stream", "int", "number of the connection in the file, from 0", wireshark="tcp.stream"),
    _c("side", "str", "client or server"),
    _c("address", "str", "address of that side"),
    _c("port", "int", "port of that side"),
    _c("frame", "int", "the frame that causes or first proves the step", null=True, wireshark="frame.number"),
    _c("time_ns", "int", "that frame's time", null=True, unit="ns"),
    _c("from_state", "str", "the state before"),
    _c("to_state", "str", "the state after"),
    _c("event", "str", "what happened to that side"),
    _c("evidence", "str", "observed, inferred or assumed"),
    _c("rfc", "str", "section of RFC 9293 that holds the rule, or of the RFC it names"),
    _c("doubt", "str", "the other reading, and why the capture cannot rule it out; null where it can", null=True),
)

FINDINGS: tuple[Column, ...] = (
    _c("stream", "int", "the connection it is about; null: the whole capture", null=True),
    _c("id", "str", "stable name of the kind of finding, TI-…"),
    _c("severity", "str", "chat, note, warn or error, as Wireshark grades"),
    _c("frame", "int", "the first frame that shows it", null=True, wireshark="frame.number"),
    _c("time_ns", "int", "that frame's time", null=True, unit="ns"),
    _c("count", "int", "how often"),
    _c("text", "str", "one sentence for a person"),
    _c("rfc", "str", "the section it rests on"),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "segments": SEGMENTS,
    "connections": CONNECTIONS,
    "timeline": TIMELINE,
    "findings": FINDINGS,
}
