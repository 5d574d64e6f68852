"""Chinese (simplified) for the page: its own words and, as patterns, the sentences that other modules make. Floor 4.

Keys are the English texts exactly as they stand in the templates, in `insight.meanings` and in the modules that make sentences; a
test compares. A pattern's groups are translated themselves before they are filled in. Reading: RFC 9293 names are left as they are.
"""

from __future__ import annotations

from tcpinspect.insight import meanings
from tcpinspect.plot.chinese import CHINESE as KINDS_IN_PICTURES
from tcpinspect.report.chinese_health import ADVICE
from tcpinspect.report.chinese_sentences import SENTENCES
from tcpinspect.report.chinese_terms import TERMS

__all__ = ["NOUNS", "SENTENCES", "WORDS"]

NOUNS = {"packet": "个数据包", "segment": "个报文段", "connection": "个连接", "TCP connection": "个 TCP 连接", "arrow": "个箭头"}

_PAGE = {
    "Skip to the report": "跳到报告正文", "TCP connections in {0}": "{0} 中的 TCP 连接", "What happened in": "发生了什么：", "Contents": "目录",
    "{0}, recorded {1} within {2}: who talked to whom, how each connection was opened and closed, and what went wrong.":
        "{0}，录制于 {1}，历时 {2}：谁与谁通信，每个连接如何建立、如何关闭，以及哪里出了问题。",
    "There is no TCP in this capture.": "这份抓包里没有 TCP。",
    "Health of the capture": "抓包本身的质量", "Overview": "概览", "Worth a look": "值得一看", "Findings": "发现", "Connections": "连接",
    "Stories": "逐个讲述", "How to read this": "如何阅读", "Connection by connection": "逐个连接", ".": "。", "; ": "；", "to": "到",
    "For any other, type": "其余的请运行",
    "In each picture time runs downwards; the left rail is the client, the right one the server, and beside each rail stands the state that side is in.":
        "图中时间自上而下；左边的竖线是客户端，右边是服务器，竖线旁是该端所处的状态。",
    "All words explained": "所有词语的解释",
    "Point at an arrow, or go to it with the Tab and arrow keys: its header, and why it was sent. Click it, or press Enter: its row in the table of segments.":
        "指向一个箭头（或用 Tab 键和方向键移到它）：显示首部和发送原因。单击或按 Enter：转到报文段表中的那一行。",
    "Legend of the pictures": "图例", "a segment from the client": "客户端发出的报文段", "from the server": "服务器发出", "sent again": "重发",
    "never arrived": "没有到达", "reset": "复位", "many segments in one": "许多报文段合为一个", "pale, in italics": "浅色斜体",
    ": assumed, nothing in the capture shows it": "：假定，抓包中没有任何证据",
    "Made by tcpinspect {0} from the capture alone. This page loads nothing and sends nothing. States and rules: RFC 9293.":
        "由 tcpinspect {0} 仅凭抓包生成。本页不加载也不发送任何东西。状态与规则：RFC 9293。",
    "{0} have a story here, those most worth a look.": "这里讲述 {0}，即最值得看的那些。",
    "The page carries the segments of {0}, {1} of {2}; the others would make it too large.":
        "本页带有 {0} 的报文段，共 {2} 个中的 {1} 个；其余的会使页面过大。",
    # health, overview
    "The recording itself is not perfect. Findings that this makes doubtful say so.": "抓包本身并不完美。因此而存疑的发现会注明。",
    "Grade": "等级", "Fault": "问题", "What to do": "怎么办", "First frame": "首见帧", "File": "文件", "Time": "时间", "from {0}": "始于 {0}",
    "Packets": "数据包", "{0} cut short": "{0} 个被截短", "Not TCP": "非 TCP", "and {0} kinds more": "另有 {0} 种", "Lost by the capture": "抓包丢失",
    "as reported in the file": "据文件所报", "Warning:": "警告：", "How the connections ended": "连接如何结束", "Comments in the file": "文件中的注释",
    "frame {0}": "帧 {0}", "{0} comments more": "另有 {0} 条注释", "Worth a look first": "先看这些", "Finding": "发现", "Rule": "规则",
    "and {0} alike": "另有 {0} 相同", "one of {0}": "{0}之一", "in": "见于", "and {0} more": "另有 {0} 个", "capture": "抓包",
    # table
    "All connections": "所有连接", "Filter": "筛选", "address, port, state, outcome…": "地址、端口、状态、结局……", "Outcome": "结局", "any": "任意",
    "ended well": "正常结束", "unfinished or unknown": "未完或不明", "failed or broken off": "失败或中断", "all of these: {0}": "全部这类：{0}",
    "Show all": "全部显示", "#": "#", "Client": "客户端", "Server": "服务器", "Start": "开始", "Lasted": "历时", "Segments": "报文段",
    "Client data": "客户端数据", "Server data": "服务器数据", "Resent": "重发", "Round trip": "往返时间", "Last states": "最后状态", "unknown": "未知",
    "story of connection {0}": "连接 {0} 的讲述",
    "The first {0} of {1} connections; the command that prints them all:": "{1} 个连接中的前 {0} 个；打印全部的命令：",
    # a connection
    "opening: {0}": "建立：{0}", "close: {0}": "关闭：{0}", "Zeek’s conn_state and history": "Zeek 的 conn_state 与 history",
    "First in frame {0}.": "首见于帧 {0}。", "{0}, connection {1}": "{0}，连接 {1}", "How it was opened (handshake)": "如何建立（握手）",
    "How it was closed (teardown)": "如何关闭（挥手）", "What was seen": "所见", "The state of each side over time": "两端状态随时间的变化",
    "Every segment: in time and as a table": "每个报文段：按时间与列表", "The whole conversation": "整个对话", "The whole conversation: {0}": "整个对话：{0}",
    " in {0}": "，合为 {0}", "Timeline: each change of state, and how we know": "时间线：每次状态变化，以及依据", "Timeline of connection {0}": "连接 {0} 的时间线",
    "Frame": "帧", "Side": "端", "State before": "之前", "State after": "之后", "Because": "原因", "Evidence": "证据",
    "What both sides negotiated": "双方协商的选项", "Options of connection {0}": "连接 {0} 的选项", "Option": "选项", "Client offered": "客户端提出",
    "Server offered": "服务器提出", "In force": "生效", "Numbers of each side": "两端的数字", "Numbers of connection {0}": "连接 {0} 的数字",
    "Segments sent": "发出的报文段", "Data sent, by sequence numbers": "发出的数据（按序号）", "Data in the capture, repeats included": "抓包中的数据（含重复）",
    "Retransmissions": "重传", "Zero windows announced": "通告零窗口", "Time until acknowledged: least": "到被确认的时间：最短", "median": "中位数",
    "most": "最长", "all connections ↑": "所有连接 ↑", "client": "客户端", "server": "服务器",
    "nothing is known of its state": "对其状态一无所知", "Time is stretched where much happens, so that every state can be seen.": "事件密集处时间被拉长，以便看清每个状态。",
    # how to read
    "The pictures": "图", "two rails": "两条竖线", "an arrow": "箭头", "the edges": "边缘", "lanes": "泳道", "How sure we are": "把握有多大", "The flags": "标志",
    "The eleven states": "十一个状态", "How connections open": "连接如何建立", "How connections close": "连接如何关闭", "Outcomes in Zeek’s words": "Zeek 所称的结局",
    "Grades": "等级",
    "Left the client, which asked to connect; right the server. Time runs downwards; a long silence is shortened, and its length written there.":
        "左边是请求连接的客户端，右边是服务器。时间自上而下；长时间的沉默被缩短，并注明其长度。",
    "One segment from one side to the other: its flags, then seq, ack and the octets of data (len), both numbers counted from the start of the connection. A dashed arrow was sent again or never arrived.":
        "一端发给另一端的一个报文段：先是标志，再是 seq、ack 和数据字节数（len），两个号都从连接开始数起。虚线箭头是重发的或没有到达的。",
    "The state each side is in, from the moment it enters it.": "每一端所处的状态，从进入的那一刻起。",
    "The same states over the whole life of the connection, one lane a side, time to the right.": "同样的状态，覆盖连接的一生，每端一条，时间向右。",
    "Let us begin. It takes one sequence number.": "我们开始吧。它占用一个序号。", "I have everything before this number.": "此号之前的我都收到了。",
    "I have no more to send. It takes one sequence number, too.": "我没有要发的了。它也占用一个序号。",
    "This connection does not exist, or no longer.": "这个连接不存在，或不再存在。", "Hand the data to the program now.": "请立刻把数据交给程序。",
    # the script
    "no flags": "无标志", "Source port": "源端口", "Destination port": "目的端口", "Sequence number": "序号", "Acknowledgment number": "确认号",
    "Offset": "偏移", "Window": "窗口", "Checksum": "校验和", "Urgent pointer": "紧急指针", "Options": "选项", "Data": "数据", "{0} octets": "{0} 字节",
    "(scale not known)": "（缩放未知）", "Comment in the file: {0}": "文件中的注释：{0}", "Connection {0} to the scale of time": "连接 {0}，按时间比例",
    "Zoom in time": "时间缩放", "Zoom in": "放大", "Zoom out": "缩小", "Earlier": "更早", "Later": "更晚", "Whole": "全部",
    "Show the whole connection": "显示整个连接", "Opening": "建立", "Show the opening": "显示建立过程", "Close": "关闭", "Show the close": "显示关闭过程",
    "Wheel with Ctrl, or after a click into the picture: zoom. Drag: move. Keys: + and − zoom, 0 whole, Page Up and Page Down move, arrows go from segment to segment, Enter selects.":
        "按住 Ctrl 滚轮，或点入图中后滚轮：缩放。拖动：移动。按键：+ 和 − 缩放，0 全部，Page Up 和 Page Down 移动，方向键在报文段间移动，Enter 选中。",
    "How far away the two sides are is not known: arrows are drawn level.": "两端的距离未知：箭头画成水平。",
    "The way itself is not in the capture: each side is taken to be half as far away as its answer in the handshake took (client {0}, server {1}).":
        "单程时间不在抓包里：取各端在握手中应答时间的一半（客户端 {0}，服务器 {1}）。",
    "To the scale of time": "按时间比例", "{0} of {1} segments, {2}": "{1} 个报文段中的 {0} 个，{2}", "{0} segments, {1} octets": "{0} 个报文段，{1} 字节",
    "Time, s": "时间（秒）", "From": "来自", "Flags": "标志", "Seq": "序号", "Ack": "确认号", "Octets": "字节", "What it is": "是什么",
    "{0} of {1} segments: the first, the last, and those that say something. The others are not in this page.":
        "{1} 个报文段中的 {0} 个：开头、结尾和有话可说的。其余的不在本页。",
    "{0} of {1} segments: the first, the last, those that change a state, and over the whole length some that Wireshark marks. Why each was sent is not worked out for so long a connection: tcpinspect why FILE --frame N tells it.":
        "{1} 个报文段中的 {0} 个：开头、结尾、改变状态的，以及全程中 Wireshark 有标记的一部分。连接太长，没有逐个推断发送原因：tcpinspect why FILE --frame N 可以说明。",
    "All {0} segments": "全部 {0} 个报文段", "Segments of connection {0}": "连接 {0} 的报文段", "{0} segments left out": "略去 {0} 个报文段", "{0} of {1}": "{1} 个中的 {0} 个",
    "Frame {0} is not in this page: tcpinspect why FILE --frame {0}": "帧 {0} 不在本页：tcpinspect why FILE --frame {0}",
    "The segments of connection {0} are not in this page: tcpinspect show FILE --stream {0}": "连接 {0} 的报文段不在本页：tcpinspect show FILE --stream {0}",
    "good": "正确", "bad": "错误", "unfinished": "未完成", "unverified": "未校验",
}  # fmt: skip

# The kinds of handshake and teardown are called as in the pictures.
_KINDS = {
    f"{what}: {kind}": _PAGE[f"{what}: {{0}}"].format(KINDS_IN_PICTURES[kind])
    for what, kinds in (("opening", meanings.HANDSHAKES), ("close", meanings.TEARDOWNS))
    for kind in kinds
}
_ORDERS = {"little": "小端", "big": "大端"}
_RESOLUTIONS = {"microseconds": "微秒", "nanoseconds": "纳秒", "microseconds, modified": "微秒，变体"}
_FORMATS = {
    **{f"pcapng, {order}-endian": f"pcapng，{said}" for order, said in _ORDERS.items()},
    **{f"pcap, {fine}, {order}-endian": f"pcap，{unit}，{said}" for fine, unit in _RESOLUTIONS.items() for order, said in _ORDERS.items()},
    "snoop": "snoop",
}
_FORMATS |= {f"{format}, {packed}": f"{said}，{packed}" for format, said in _FORMATS.items() for packed in ("gzip", "bzip2", "xz", "zstd")}
WORDS = {**TERMS, **ADVICE, **_PAGE, **_KINDS, **_FORMATS}
