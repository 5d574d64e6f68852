"""Chinese for sentences that are made with numbers in them: patterns over the English ones of `insight` and `plot`. Floor 4.

Each pattern covers a whole text or, through the groups of others, a part of one; the first that fits wins, so the general ones
(a full stop, a comma) stand last.
"""

from __future__ import annotations

from tcpinspect.report.chinese_health import HEALTH
from tcpinspect.report.chinese_why import WHY

_N, _T, _E = r"([\d,]+)", r"([\d.,]+ (?:ns|µs|ms|s)|[\d.]+ (?:min|h|d)(?: \d+ (?:s|min|h))?|0 s)", r"(\S+)"
_SIDE = "(client|server)"
# What may be said of the time or the share as well: clauses of their own (_CLAUSES), so that nothing stays open without them.
_OVER, _WITHIN, _AFTER = (rf"(?: ({word} (?:{_T[1:-1]})),?)?" for word in ("over", "within", "after"))
_SHARE = r"(?:, (\d+ % of all segments))?"
_AT = r"((?:[^()]+ after the start, )?frame [\d,]+)"  # where a step is

_CLAUSES = {
    rf"over {_T}": "，历时 {0}", rf"within {_T}": "（{0} 内）", rf"after {_T}": "{0} 后", rf"\({_T} after the first segment\)": "（第一个报文段之后 {0}）",
    r"(\d+ %) of all segments": "，占全部的 {0}", rf"{_T} after the start, frame {_N}": "开始后 {0}，帧 {1}",
}  # fmt: skip

# A segment, an arrow, a fold.
_SEGMENT = {
    rf"frame {_N}": "帧 {0}", rf"{_T} of silence": "沉默 {0}", rf"{_N} (?:octet|byte)s?": "{0} 字节", rf"{_N} segments?": "{0} 个报文段", rf"{_N} ACKs?": "{0} 个 ACK",
    rf"({_N[1:-1]} octets?) of data": "{0}数据", rf"({_N[1:-1]} octets? of data), then (.+)": "{0}，然后{1}", rf"acknowledges ({_N[1:-1]} octets?)": "确认 {0}",
    rf"acknowledges up to {_N}": "确认到 {0}", rf"(acknowledges the SYN|accepts, acknowledges the SYN) and ({_N[1:-1]} octets?)": "{0}和 {1}",
    rf"(.+), with ({_N[1:-1]} octets?) of data": "{0}，带 {1}数据", rf"(.*retransmission) {_T} after the first": "{0}，距首次 {1}",
    rf"duplicate ACK #{_N}": "重复 ACK #{0}", rf"window update: room for ({_N[1:-1]} octets?)": "窗口更新：有 {0}的空间",
    r"… (.+) …": "… {0} …", r"(.+) client → server, (.+) back": "客户端 → 服务器 {0}，反向 {1}", r"(.+) server → client, (.+) back": "服务器 → 客户端 {0}，反向 {1}",
    r"(.+) client → server": "客户端 → 服务器 {0}", r"(.+) server → client": "服务器 → 客户端 {0}",
    rf"{_N} retransmissions?": "{0} 次重传", rf"{_N} segments? out of order": "{0} 个乱序报文段", rf"{_N} duplicate (?:ACK|acknowledgment)s?": "{0} 个重复 ACK",
    rf"{_N} zero windows?": "{0} 次零窗口", rf"{_N} zero-window probes?": "{0} 次零窗口探测", rf"{_N} keep-alives?": "{0} 次保活",
    rf"{_N} gaps? in the capture": "抓包中 {0} 处缺口", rf"{_N} full windows?": "{0} 次窗口填满", rf"{_N} times": " {0} 次", rf"{_N} places?": "{0} 处",
}  # fmt: skip

# Why a connection is worth a look; its outcome in a few words.
_LISTED = {
    r"asked (.+)": "请求{0}", rf"slow to answer \({_T}\)": "应答缓慢（{0}）", rf"only what the {_SIDE} sent was captured": "只抓到{0}发出的",
    rf"only the {_SIDE}'s direction was captured": "只抓到{0}的方向", r"(.+): a receiver was full": "{0}：接收方已满", rf"{_N} bad checksums?": "{0} 个校验和错误",
    rf"one of {_N} connections to port {_N} of {_E} that were (.+)": "到 {2} 端口 {1} 的 {0} 个{3}的连接之一",
    rf"one of {_N} connections to many ports of {_E} that were (.+)": "到 {1} 许多端口的 {0} 个{2}的连接之一",
    rf"one of {_N} connections from {_E} to {_E} that were (.+)": "从 {1} 到 {2} 的 {0} 个{3}的连接之一",
    rf"client sends at most {_N}, server sends at most {_N}": "客户端至多发 {0}，服务器至多发 {1}", rf"client sends at most {_N}": "客户端至多发 {0}",
    rf"server sends at most {_N}": "服务器至多发 {0}", rf"not offered \({_N} is meant\)": "未提出（按 {0}）", rf"{_N} \(×{_N}\)": "{0}（×{1}）",
}  # fmt: skip

# The story of a connection (insight.outcome_words).
_STORY = {
    rf"{_E} \(the client\) opened a connection to {_E} \(the server\) with the usual three-way handshake\.(.*)": "{0}（客户端）以通常的三次握手与 {1}（服务器）建立了连接。{2}",
    rf"{_E} \(the client\) opened a connection to {_E} \(the server\) with TCP Fast Open: its first segment already carried data\.(.*)":
        "{0}（客户端）以 TCP Fast Open 与 {1}（服务器）建立了连接：第一个报文段就带有数据。{2}",
    rf"{_E} \(the client\) opened a connection to {_E} \(the server\) with a split handshake: the answer was a SYN of the server's own instead of a SYN-ACK\.(.*)":
        "{0}（客户端）以分裂握手与 {1}（服务器）建立了连接：应答是服务器自己的 SYN 而非 SYN-ACK。{2}",
    rf"{_E} \(the client\) and {_E} \(the server\) opened a connection to each other at the same moment \(a simultaneous open\)\.(.*)":
        "{0}（客户端）与 {1}（服务器）同时互相打开连接（同时打开）。{2}",
    rf"{_E} \(the client\) opened a connection to {_E} \(the server\), but not all of the opening was captured\.(.*)":
        "{0}（客户端）与 {1}（服务器）建立了连接，但建立过程没有抓全。{2}",
    rf"{_E} connected to itself: client and server are one and the same socket\.(.*)": "{0} 与自己连接：客户端与服务器是同一个套接字。{1}",
    rf"The answer to its SYN came after {_T}, and the handshake was complete {_T} later\.(.*)": "SYN 的应答在 {0} 后到来，再过 {1} 握手完成。{2}",
    rf"The answer to its SYN came after {_T}\.(.*)": "SYN 的应答在 {0} 后到来。{1}", rf"The handshake took {_T}\.(.*)": "握手用了 {0}。{1}",
    rf"The answer came {_T} after the last SYN before it(?: (\((?:{_T[1:-1]}) after the first segment\)))?, and the handshake was complete {_T} later\.(.*)":
        "应答在最近一个 SYN 之后 {0} 到来{1}，再过 {2} 握手完成。{3}",
    rf"The connection between {_E} \(the client\) and {_E} \(the server\) was already open when the capture began\.(.*)":
        "{0}（客户端）与 {1}（服务器）之间的连接在抓包开始时已经建立。{2}",
    r"The captured answers show who is the client\.": "抓到的应答表明谁是客户端。",
    r"Who is the client is a guess from the port numbers and the first segment\.": "谁是客户端是由端口号和第一个报文段猜测的。",
    rf"Of the connection between {_E} \(the client\) and {_E} \(the server\) only what the {_SIDE} sent was captured: what the {_SIDE} sent, and when, is not known\.":
        "{0}（客户端）与 {1}（服务器）之间的连接只抓到{2}发出的：{3}发出了什么、何时发出，不得而知。",
    rf"{_E} \(the client\) tried to open a connection to {_E} \(the server\), and was refused{_AFTER}: nothing accepts connections on that port, or a firewall answers for it\.":
        "{0}（客户端）试图连接 {1}（服务器），{2}被拒绝：该端口没有程序接受连接，或防火墙代为应答。",
    rf"{_E} \(the client\) tried to open a connection to {_E} \(the server\), asked (once|twice|[\d,]+ times){_WITHIN} and got no answer\.":
        "{0}（客户端）试图连接 {1}（服务器），请求{2}{3}，没有得到应答。",
    rf"{_E} \(the client\) tried to open a connection to {_E} \(the server\), in vain: it got no answer\.":
        "{0}（客户端）试图连接 {1}（服务器），没有得到应答。",
    rf"{_E} \(the client\) tried to open a connection to {_E} \(the server\), in vain \(there was data in its SYN\): it got no answer\.":
        "{0}（客户端）试图连接 {1}（服务器），没有得到应答（其 SYN 带有数据）。",
    rf"{_E} \(the client\) asked to open a connection to {_E} \(the server\); a reset \(RST\) came back, and yet so did a SYN-ACK that accepts it: one of the two was not meant for this attempt, or is forged\.":
        "{0}（客户端）请求连接 {1}（服务器）；既收到复位（RST），又收到接受连接的 SYN-ACK：两者之一不是对这次请求的应答，或是伪造的。",
    rf"{_E} \(the client\) began to open a connection to {_E} \(the server\), but the opening was not finished in this capture\.(.*)":
        "{0}（客户端）开始连接 {1}（服务器），但在本抓包中没有完成。{2}",
    rf"The answer \(SYN-ACK\) came after {_T}\.(.*)": "应答（SYN-ACK）在 {0} 后到来。{1}",
    rf"No data was exchanged \(in ({_N[1:-1]} segments?){_OVER}\)\.": "没有交换数据（{0}{1}）。",
    rf"The {_SIDE} sent no data \(in ({_N[1:-1]} segments?){_OVER}\)\.": "{0}没有发送数据（{1}{2}）。",
    rf"The client sent (.+?) and the server sent (.+?), in ({_N[1:-1]} segments?){_OVER}\.": "客户端发送 {0}，服务器发送 {1}，{2}{3}。",
    rf"The {_SIDE} sent (.+?), in ({_N[1:-1]} segments?){_OVER}\.": "{0}发送 {1}，{2}{3}。",
    r"no data": "无数据", r"(.+) as captured \(repeats counted, gaps not\)": "{0}（按抓到的计，含重复，不含缺口）",
    rf"The {_SIDE} closed first \({_AT}\): its FIN was acknowledged, then the {_SIDE} sent its own\.":
        "{0}先关闭（{1}）：其 FIN 被确认，然后{2}发出自己的。",
    rf"The {_SIDE} closed first \({_AT}\)(.*)": "{0}先关闭（{1}）{2}", r"One side closed first(.*)": "一端先关闭{0}",
    rf"The {_SIDE} closed \({_AT}\); what the {_SIDE} did then was not captured\.": "{0}关闭（{1}）；{2}此后做了什么没有抓到。",
    r"Both sides closed in order\.": "双方都有序关闭。",
    rf"; the {_SIDE} acknowledged that FIN and sent its own in the same segment\.": "；{0}在同一个报文段中确认该 FIN 并发出自己的。",
    rf"and said that it has no more to send; the {_SIDE} went on sending data(?: (\([^()]+ after that FIN\)))? and closed later \(a half-close\)\.":
        "，并说明不再发送；{0}继续发送数据{1}，稍后关闭（半关闭）。",
    r"\((.+) after that FIN\)": "（该 FIN 之后 {0}）",
    r"The (client|server) then broke it off with a reset \(RST\), without an orderly close\.(.*)": "随后{0}以复位（RST）中断，没有有序关闭。{1}",
    rf"It sent itself (.+?), in ({_N[1:-1]} segments?){_OVER}\.": "它给自己发送 {0}，{1}{2}。",
    r"It closed, and its own FIN was that of the other side as well\.": "它关闭，自己的 FIN 也就是对方的 FIN。",
    r"In the end it is (?:in )?([A-Z0-9-]+)(?: \((.+?)\))?\.": "最后它处于 {0}（{1}）。",
    r", but then reset the connection \(RST\) before the close was complete\.(.*)": "，但随后在关闭完成前复位了连接（RST）。{0}",
    rf", but then the {_SIDE} reset the connection \(RST\) before the close was complete\.(.*)": "，但随后{0}在关闭完成前复位了连接（RST）。{1}",
    rf"The {_SIDE} reset the connection \(RST\) before the close was complete\.(.*)": "{0}在关闭完成前复位了连接（RST）。{1}",
    rf"The {_SIDE} then gave up with a reset \(RST\)\.(.*)": "随后{0}以复位（RST）放弃。{1}",
    r"Such a reset (.+) \(([a-z-]+)\)\.": "这样的复位{0}（{1}）。",
    r"Its program wished so: the wire does not tell why \(abort\)\.": "其程序要求如此：线路上看不出原因（abort）。",
    r"Its program wished so, or closed or ended without having read all: the wire does not tell why \(abort\)\.":
        "其程序要求如此，或未读完就关闭或结束：线路上看不出原因（abort）。",
    rf"The {_SIDE} then broke it off with a reset \(RST\) \({_AT}\), without an orderly close\.(.*)": "随后{0}以复位（RST）中断（{1}），没有有序关闭。{2}",
    r"One side then broke it off with a reset \(RST\), without an orderly close\.(.*)": "随后一端以复位（RST）中断，没有有序关闭。{0}",
    r"One side then gave up with a reset \(RST\)\.(.*)": "随后一端以复位（RST）放弃。{0}",
    r"One side reset the connection \(RST\) before the close was complete\.(.*)": "一端在关闭完成前复位了连接（RST）。{0}",
    r"Both sides closed at the same moment: their FINs crossed on the way \(a simultaneous close\)\.": "双方同时关闭：两个 FIN 在途中交错（同时关闭）。",
    r"It was not closed when the capture ended\.": "抓包结束时没有关闭。", rf"; the {_SIDE} had not closed when the capture ended\.": "；抓包结束时{0}还没有关闭。",
    r"; the close was not complete when the capture ended\.": "；抓包结束时关闭尚未完成。",
    r"How it ended cannot be told from what was captured\.": "从抓到的内容无法得知如何结束。",
    r"What went wrong on the way: (.+)\.": "途中的问题：{0}。", r"(.+) and (the (?:client|server) (?:had|said) .+|data is missing .+|[\d,]+ segments? .+)": "{0}，{1}",
    rf"the {_SIDE} had to send ({_N[1:-1]} segments?) again": "{0}重发了 {1}", r"data is missing from the capture in (.+)": "抓包中缺少数据 {0}",
    rf"({_N[1:-1]} segments?) came out of order": "{0}乱序到达", rf"({_N[1:-1]} segments?) had a bad checksum": "{0}校验和错误",
    rf"the {_SIDE} said (once|twice|[\d,]+ times) that it had no room for more data \(zero window\)": "{0}{1}说明没有空间接收更多数据（零窗口）",
    r"In the end both sides are CLOSED: nothing of the connection is left\.": "最后双方都是 CLOSED：连接不留任何痕迹。",
    r"In the end the client is (?:in )?([A-Z0-9-]+)(?: \((.+?)\))?; the server is (?:in )?([A-Z0-9-]+)(?: \((.+?)\))?\.": "最后客户端处于 {0}（{1}）；服务器处于 {2}（{3}）。",
    r"In the end both sides are in ([A-Z0-9-]+), which means for each: (.+)\.": "最后双方都处于 {0}，即：{1}。",
    rf"In the end the {_SIDE} is (?:in )?([A-Z0-9-]+)(?: \((.+?)\))?; the state of the {_SIDE} is unknown\.": "最后{0}处于 {1}（{2}）；{3}的状态未知。",
    r"Neither side keeps anything of it\.": "双方都不保留任何东西。", r"The last states of both sides are unknown\.": "双方的最后状态未知。",
    r"Its last state is unknown\.": "其最后状态未知。",
}  # fmt: skip

# Findings (insight.findings).
_FINDINGS = {
    rf"Nobody accepts connections on port {_N} of {_E}: the SYN was refused\.": "{1} 的端口 {0} 没有人接受连接：SYN 被拒绝。",
    rf"No answer from port {_N} of (\S+?): the client asked (once|twice|[\d,]+ times){_WITHIN}\.": "{1} 的端口 {0} 没有应答：客户端请求{2}{3}。",
    rf"No answer from port {_N} of (\S+)\.": "{1} 的端口 {0} 没有应答。", r"Both sides opened the connection at the same time\.": "双方同时打开连接。",
    rf"The opening of a connection to port {_N} of {_E} was not finished in this capture\.": "到 {1} 端口 {0} 的连接在本抓包中没有建立完。",
    rf"Not all of the opening of this connection to port {_N} of {_E} was captured\.": "到 {1} 端口 {0} 的连接，建立过程没有抓全。",
    r"The SYN carried data and the server took it \(TCP Fast Open\)\.": "SYN 带有数据，服务器接受了（TCP Fast Open）。",
    r"The connection was already open when the capture began: options and window scale are not known\.": "抓包开始时连接已建立：选项和窗口缩放未知。",
    rf"The SYN-ACK came only {_T} after the last SYN before it; a client repeats its SYN after one second\.": "SYN-ACK 在最近一个 SYN 之后 {0} 才来；客户端一秒后就会重复 SYN。",
    rf"A socket connected to itself at port {_N} of {_E}: its SYN met itself, a simultaneous open\.": "{1} 端口 {0} 的套接字与自己连接：SYN 遇到自己，即同时打开。",
    r"The socket's FIN met itself\.": "套接字的 FIN 遇到自己。",
    rf"The {_SIDE} broke the connection off with a reset; data on the way may be lost\.": "{0}以复位中断了连接；途中的数据可能丢失。",
    rf"The {_SIDE} broke the connection off with a reset before any answer\.": "{0}在得到应答前以复位中断了连接。",
    rf"The {_SIDE} reset the connection while it was being closed\.": "{0}在关闭过程中复位了连接。", r"Both sides closed at the same time: their FINs crossed\.": "双方同时关闭：FIN 交错。",
    rf"The {_SIDE} finished sending early and still received data: a half-close\.": "{0}先发完而仍接收数据：半关闭。",
    rf"The {_SIDE} was told that the other side has finished, and did not close: its program may have forgotten to\.": "{0}已得知对方结束，却没有关闭：其程序可能忘了。",
    r"The connection was not closed when the capture ended\.": "抓包结束时连接没有关闭。",
    rf"({_N[1:-1]} segments?) (?:was|were) sent again{_SHARE} \(the client (never|once|twice|[\d,]+ times), the server (never|once|twice|[\d,]+ times)\)\.":
        "{0}被重发{1}（客户端{2}，服务器{3}）。",
    rf"({_N[1:-1]} segments?) (?:was|were) sent again{_SHARE}\.": "{0}被重发{1}。", r"Data is missing from the capture in (.+)\.": "抓包中缺少数据 {0}。",
    rf"({_N[1:-1]} segments?) came behind a later one\.": "{0}晚于后发的到达。",
    rf"{_N} acknowledgments? (?:was a repeat|were repeats): something did not arrive, or arrived late\.": "{0} 个确认是重复：有东西没有到达，或来迟。",
    rf"The {_SIDE} announced a window of zero (once|twice|[\d,]+ times): the program did not read fast enough\.": "{0}{1}通告零窗口：程序读得不够快。",
    rf"({_N[1:-1]} segments?) ha(?:s|ve) a bad checksum: a receiver throws (?:it|them) away\.": "{0}校验和错误：接收者会丢弃。",
    rf"The {_SIDE} did not offer window scaling, so windows stay below ({_N[1:-1]} (?:kB|bytes)|[\d.]+ kB)\.": "{0}没有提出窗口缩放，所以窗口小于 {1}。",
    rf"The client and the server named no maximum segment size: {_N} octets are meant\.": "客户端和服务器都没有给出最大报文段长度：按 {0} 字节。",
    rf"The SYN to port {_N} of {_E} was answered by a reset and also by a SYN-ACK: one of the two does not belong to it, or is forged\.":
        "到 {1} 端口 {0} 的 SYN 既得到复位，又得到 SYN-ACK：两者之一不属于它，或是伪造的。",
    rf"Port {_N} of {_E} answered with a SYN of its own instead of a SYN-ACK \(a split handshake\): unusual, and a known way around firewalls\.":
        "{1} 的端口 {0} 以自己的 SYN 而非 SYN-ACK 应答（分裂握手）：不寻常，是绕过防火墙的已知手法。",
    rf"The {_SIDE} named no maximum segment size: {_N} octets are meant\.": "{0}没有给出最大报文段长度：按 {1} 字节。",
    rf"{_N} connections to port {_N} of {_E} were begun and never opened: that is how a flood of SYNs looks\.":
        "到 {2} 端口 {1} 的 {0} 个连接开始而从未建立：SYN 洪水就是这样。",
    rf"{_N} connections to port {_N} of {_E} were begun and never opened: that is how a flood of SYNs looks, or a server that is gone\.":
        "到 {2} 端口 {1} 的 {0} 个连接开始而从未建立：SYN 洪水就是这样，或者服务器已不在。",
    rf"{_E} tried {_N} ports of {_E} and was refused or not answered: that is how a port scan looks\.": "{0} 试探了 {2} 的 {1} 个端口，被拒绝或无应答：端口扫描就是这样。",
} | {
    rf"{_N} connections to {ports} ports of {_E} from many addresses were {what}: that is how a flood of SYNs over all ports looks, or a scan by many hosts{gone}\.":
        f"来自许多地址、到 {where}的 {{0}} 个连接{said}：覆盖所有端口的 SYN 洪水就是这样，也可能是许多主机一起扫描{or_gone}。"
    for ports, where in ((_N, "{2} 的 {1} 个端口"), ("many", "{1} 的许多端口"))
    for what, said in (("refused or never opened", "被拒绝或从未建立"), ("begun and never opened", "开始而从未建立"))
    for gone, or_gone in (("", ""), (", or a server that is gone", "，或者服务器已不在"))
}  # fmt: skip

_GENERAL = {
    r"(.+) \(([a-z]+(?:-[a-z]+)*)\)\.": "{0}（{1}）。",
    r"([^.]+)\.": "{0}。",
    r"(.+?); (.+)": "{0}；{1}",
    r"(.+?), (.+)": "{0}，{1}",
}

SENTENCES: dict[str, str] = {**WHY, **_STORY, **HEALTH, **_FINDINGS, **_CLAUSES, **_SEGMENT, **_LISTED, **_GENERAL}
