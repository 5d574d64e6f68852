"""What pictures say, in simplified Chinese. Floor 4. Reading: RFC 9293 (the names of states, flags and fields stay as they are).

Sentences of the drawings are looked up whole; the notes beside the arrows of a ladder, which `insight.words` puts together from
clauses, clause by clause. What is not here (names, numbers, units) stays as it is.
"""

from __future__ import annotations

import re
from typing import Any

CHINESE: dict[str, str] = {
    # axes and titles
    "1 connection": "1 个连接",
    "1 connection over time": "1 个连接随时间的分布",
    "{n:,} connections": "{n:,} 个连接",
    "{n:,} connections over time": "{n:,} 个连接随时间的分布",
    "Octets of data a segment, {sender} → {receiver}": "每个报文段的数据字节数，{sender} → {receiver}",
    "Round trips, {sender} → {receiver} and back": "往返时间，{sender} → {receiver} 再返回",
    "Sequence numbers, {sender} → {receiver}": "序号，{sender} → {receiver}",
    "Throughput, {sender} → {receiver}": "吞吐量，{sender} → {receiver}",
    "Window and octets in flight, {sender} → {receiver}": "窗口与在途字节数，{sender} → {receiver}",
    "How long the handshakes took": "握手用时",
    "How long the teardowns took, from the first FIN": "挥手用时（自第一个 FIN 起）",
    "How long each state lasted": "各状态持续时间",
    "bits a second": "比特/秒",
    "duration": "持续时间",
    "frame": "帧",
    "Data": "数据",
    "captured of": "已抓到，全长",
    "no TCP segment": "没有 TCP 报文段",
    "octets": "字节",
    "round trip": "往返时间",
    "round trip, {unit}": "往返时间，{unit}",
    "sequence number, from the initial one": "序号（相对初始序号）",
    "time since the first segment, {unit}": "距第一个报文段的时间，{unit}",
    "time, {unit}": "时间，{unit}",
    "Time since the first segment, to scale.": "横轴：距第一个报文段的时间，按比例。",
    "Time since the first segment, in order but not to scale.": "横轴：距第一个报文段的时间，有先后，不按比例。",
    # legends
    "ACK line": "ACK 线",
    "window's edge": "窗口右沿",
    "duplicate ACK": "重复 ACK",
    "SACK block (S)": "SACK 块 (S)",
    "without data": "不带数据",
    "segment": "报文段",
    "segments": "报文段数",
    "out of order (O)": "乱序 (O)",
    "retransmission (R)": "重传 (R)",
    "retransmission": "重传",
    "sent again": "重传",
    "data for the first time": "首次发送的数据",
    "mean of the connection, {rate}": "整个连接的平均值，{rate}",
    "sample": "样本",
    "sent twice: does not count": "发过两次：不计入",
    "sent again, after so long": "重传及其等待时间",
    "least RTO, 1 s": "RTO 下限，1 s",
    "window offered": "通告窗口",
    "in flight: sent, not acknowledged": "在途：已发送、未确认",
    "window full: {n:,}": "窗口已满：{n:,}",
    "zero window: {n:,}": "零窗口：{n:,}",
    "MSS announced by the receiver, {mss:,}": "接收方通告的 MSS，{mss:,}",
    "closed in order: {n:,}": "正常关闭：{n:,}",
    "open at the end: {n:,}": "结束时仍打开：{n:,}",
    "never opened: {n:,}": "未能建立：{n:,}",
    "refused or reset: {n:,}": "被拒绝或复位：{n:,}",
    "cannot be told: {n:,}": "无法判断：{n:,}",
    # marks of the sequence graph; the letters are tcptrace's
    "RST in": "收到 RST",
    "probe": "探测",
    "gap": "缺口",
    "keep-alive": "保活",
    # kinds of handshake and teardown
    "handshake": "握手",
    "teardown": "挥手",
    "three-way": "三次握手",
    "simultaneous": "同时发起",
    "split": "分裂握手",
    "tfo": "TCP 快速打开",
    "refused": "被拒绝",
    "unanswered": "无应答",
    "incomplete": "未完成",
    "none": "未抓到",
    "four-segment": "四次挥手",
    "three-segment": "三次挥手",
    "half-close": "半关闭",
    "reset": "关闭中被复位",
    "aborted": "异常中止",
    "open": "未关闭",
    "unknown": "未知",
    "SYN to SYN-ACK": "SYN 到 SYN-ACK",
    "SYN-ACK to ACK": "SYN-ACK 到 ACK",
    # who
    "client": "客户端",
    "server": "服务器",
    "itself": "自身",
    "observed": "已观察到",
    "inferred": "推断",
    "assumed": "假定",
    # notes
    "A row holds several connections, one after the other.": "每行先后容纳多个连接。",
    "Arrows slant by half the handshake's round trip, {time}: one capture tells no more.": (
        "箭头的倾斜取握手往返时间的一半 {time}：单个抓包只能如此估计。"
    ),
    "Arrows slant by a way of {time}, as given: this capture does not tell it.": "箭头的倾斜取给定的单程时延 {time}：本抓包无从得知。",
    "As seen where the capture was made.": "以抓包点所见为准。",
    "Dotted beside the rail: from a segment to its retransmission.": "轨道旁的点线：由原报文段指向其重传。",
    "Hatched: assumed, nothing captured shows it.": "斜线：假定，抓包中没有证据。",
    "Less than 1 µs is drawn at 1 µs.": "不足 1 µs 的画在 1 µs 处。",
    "Octets of data in intervals of {step}.": "每 {step} 内的数据字节数。",
    "RTO is this, but at least 1 s (RFC 6298 §2.4), which is above the picture.": (
        "RTO 取此值，但不小于 1 s（RFC 6298 §2.4），已超出图的上沿。"
    ),
    "TIME-WAIT ends after 2 MSL: 4 min by RFC 9293, 1 min in Linux.": (
        "TIME-WAIT 在 2 MSL 后结束：RFC 9293 为 4 分钟，Linux 为 1 分钟。"
    ),
    "Time runs downwards, in order but not to scale.": "时间自上而下，有先后，不按比例。",
    "Where the window is missing, its scale was not seen.": "没有画窗口之处，其缩放因子没有抓到。",
    "Where the window's edge is missing, its scale was not seen.": "没有画窗口右沿之处，其缩放因子没有抓到。",
    "Without a known duration: {kinds}.": "时长未知：{kinds}。",
    "event / what is sent; faint: not taken.": "事件 / 所发送的报文段；浅色：未经过。",
    "neither a window nor data in flight is known": "窗口和在途数据均未知",
    "no TCP connection in this capture": "此抓包中没有 TCP 连接",
    "no acknowledgment that gives a round trip": "没有可以得出往返时间的确认",
    "no handshake was captured whole": "没有抓全的握手",
    "no teardown was captured": "没有抓到挥手",
    "no state has a known duration": "没有任何状态的时长已知",
    "no segment in this connection": "此连接中没有报文段",
    "this side sent no data": "这一方没有发送数据",
    "this side sent nothing": "这一方什么也没有发送",
    "way of the {side}": "{side}所经路径",
    "{amount} of {all} sent again.": "{all} 中重传了 {amount}。",
    "{arrows} arrows for {segments:,} segments.": "{arrows} 个箭头代表 {segments:,} 个报文段。",
    "{drawn:,} of {all:,} bars drawn: those on the same dot once.": "{all:,} 个连接画出 {drawn:,} 条：落在同一像素的只画一次。",
    "{drawn:,} of {all:,} points drawn: those on the same dot once.": "{all:,} 个点画出 {drawn:,} 个：落在同一像素的只画一次。",
    "{drawn:,} of {all:,} segments drawn: those on the same dot once.": "{all:,} 个报文段画出 {drawn:,} 个：落在同一像素的只画一次。",
    "{n:,} connections, both sides: the wider, the oftener.": "{n:,} 个连接的双方：线越粗，经过越多。",
    "{n:,} dots on top of others not drawn.": "{n:,} 个重叠的点未画。",
    "{n:,} marks not written for want of room.": "{n:,} 个标记因空间不足未写。",
    "{n:,} not ended, up to {most}": "{n:,} 个未结束，最长 {most}",
    "{n:,} segments larger than the MSS: put together by the network card, not on the wire.": (
        "{n:,} 个报文段大于 MSS：由网卡合并，线路上并非如此。"
    ),
    "{n:,} sent again after longer than the picture is high.": "{n:,} 个重传的等待时间超出图的高度。",
    "{n:,}; median {median}": "{n:,} 个；中位数 {median}",
    "{n} more ways, by reset, abort, timeout or to a new connection, are drawn where taken.": (
        "另有 {n} 条路径（复位、中止、超时、新连接）只在经过时画出。"
    ),
    "{side}: frame {frames}": "{side}：帧 {frames}",
    "{side}: {evidence}, no frame shows it": "{side}：{evidence}，没有帧可证",
    "{time} of silence": "静默 {time}",
    "× nothing shows that it arrived.": "× 没有迹象表明它已到达。",
    "▷ not ended when the capture did.": "▷ 抓包结束时尚未结束。",
    "the capture began here": "抓包由此开始",
    "client ended here": "客户端止于此",
    "server ended here": "服务器止于此",
    "client and server both ended here": "双方都止于此",
}  # fmt: skip

_N = r"([\d,]+)"
_SIDES = {"client": "客户端", "server": "服务器"}
# The clauses of `insight.words` and of the folds; a group is put in as it stands.
_CLAUSES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (rf"{_N} octets? of data", r"\1 字节数据"),
        (rf"with {_N} octets? of data", r"带 \1 字节数据"),
        (rf"{_N} octets?", r"\1 字节"),
        (rf"{_N} octets? back", r"反向 \1 字节"),
        (rf"{_N} segments?", r"\1 个报文段"),
        (rf"{_N} segments? back", r"反向 \1 个报文段"),
        (rf"{_N} ACKs?", r"\1 个 ACK"),
        (rf"{_N} ACKs? back", r"反向 \1 个 ACK"),
        (rf"{_N} retransmissions?", r"\1 个重传"),
        (rf"{_N} segments? out of order", r"\1 个乱序报文段"),
        (rf"{_N} duplicate ACKs?", r"\1 个重复 ACK"),
        (rf"{_N} zero windows?", r"\1 个零窗口"),
        (rf"{_N} zero-window probes?", r"\1 个零窗口探测"),
        (rf"{_N} keep-alives?", r"\1 个保活探测"),
        (rf"{_N} gaps? in the capture", r"\1 处抓包缺口"),
        (rf"{_N} full windows?", r"\1 个窗口已满"),
        (r"asks to connect", "请求建立连接"),
        (r"asks again", "再次请求"),
        (r"asks at the same time", "同时请求建立连接"),
        (r"asks for a new connection on ports used before", "用旧端口请求新连接"),
        (r"accepts", "接受"),
        (r"accepts again", "再次接受"),
        (r"acknowledges the SYN", "确认 SYN"),
        (rf"acknowledges the SYN and {_N} octets?", r"确认 SYN 和 \1 字节"),
        (r"acknowledges the SYN that crossed", "确认交错的 SYN"),
        (r"acknowledges its own SYN", "确认自己的 SYN"),
        (r"acknowledges the FIN", "确认 FIN"),
        (rf"acknowledges {_N} octets?", r"确认 \1 字节"),
        (rf"acknowledges up to {_N}", r"确认至 \1"),
        (r"acknowledges nothing new", "没有新的确认"),
        (r"acknowledges octets that were not captured", "确认了未抓到的字节"),
        (r"(?:then )?closes: no more to send", "关闭：不再发送"),
        (r"(?:then )?closes", "关闭"),
        (r"(?:then )?FIN again", "重发 FIN"),
        (r"but out of order", "但乱序"),
        (r"out of order", "乱序"),
        (r"retransmission", "重传"),
        (r"retransmission (.+) after the first", r"距首次 \1 的重传"),
        (r"retransmission after duplicate ACKs", "重复 ACK 之后的重传"),
        (r"retransmission of what was acknowledged already", "重传已确认的数据"),
        (r"lost", "丢失"),
        (r"no answer", "无应答"),
        (r"refuses: nobody accepts connections here", "拒绝：此端口无人监听"),
        (r"gives up before any answer", "未等应答即放弃"),
        (r"resets again", "再次复位"),
        (r"resets: breaks the connection off", "复位：中断连接"),
        (r"resets", "复位"),
        (r"but its number is not the next one", "但其序号不是下一个"),
        (r"rejects an acknowledgment of what it never sent", "拒绝对它从未发送之物的确认"),
        (r"resets instead of completing the handshake", "不完成握手而复位"),
        (r"the SYN again", "又来 SYN"),
        (r"inside an open connection", "在已打开的连接中"),
        (r"accepts another SYN than the one captured", "接受的是另一个未抓到的 SYN"),
        (r"resets after both FINs", "双方 FIN 之后复位"),
        (r"resets after both FINs were acknowledged", "双方 FIN 均被确认后复位"),
        (r"resets after its own FIN", "发出 FIN 之后复位"),
        (r"resets instead of closing with a FIN", "不发 FIN 而直接复位"),
        (r"keep-alive: are you still there\?", "保活：对方还在吗？"),
        (r"keep-alive: is there room again\?", "保活：有空间了吗？"),
        (r"answers the keep-alive", "应答保活"),
        (r"probes the zero window", "探测零窗口"),
        (r"answers the probe", "应答探测"),
        (r"duplicate ACK", "重复 ACK"),
        (r"duplicate ACK #(\d+)", r"第 \1 个重复 ACK"),
        (r"zero window: no room for more", "零窗口：没有空间了"),
        (r"zero window: still no room", "零窗口：仍然没有空间"),
        (r"window update", "窗口更新"),
        (rf"window update: room for {_N} octets?", r"窗口更新：可容纳 \1 字节"),
        (r"fills the window", "占满窗口"),
        (r"octets before it were not captured", "其前的字节未抓到"),
        (r"a segment without flags", "没有标志的报文段"),
        (r"carries nothing", "不携带任何内容"),
        (r"ended here: (.+)", r"止于此：\1"),
        (r"the capture began here: (.+)", r"抓包由此开始：\1"),
    )
)
_BETWEEN = re.compile(r"(, |; )")
_DIRECTION = re.compile(r"(.+) (client|server) → (client|server)")
_SIDE_COUNT = re.compile(rf"(client|server) {_N}")


def in_chinese(text: str, **values: Any) -> str:
    """The text in Chinese with its values put in; what has no translation stays."""
    known = CHINESE.get(text)
    if known is not None:
        return known.format(**values) if values else known
    if values:
        return text.format(**values)
    dots = text.startswith("… ") and text.endswith(" …")
    parts = _BETWEEN.split(text[2:-2] if dots else text)
    said = "".join({", ": "，", "; ": "；"}.get(part) or _clause(part) for part in parts)
    return f"… {said} …" if dots else said


def _clause(text: str) -> str:
    direction = _DIRECTION.fullmatch(text)
    if direction:
        return f"{_clause(direction[1])} {_SIDES[direction[2]]} → {_SIDES[direction[3]]}"
    for pattern, chinese in _CLAUSES:
        found = pattern.fullmatch(text)
        if found:
            return _SIDE_COUNT.sub(lambda side: f"{_SIDES[side[1]]} {side[2]}", found.expand(chinese))
    return _SIDE_COUNT.sub(lambda side: f"{_SIDES[side[1]]} {side[2]}", text)
