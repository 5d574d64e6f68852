"""Chinese for the words of `insight`: meanings, outcomes, titles of findings, causes. Floor 4. Keys are those modules' English texts."""

from __future__ import annotations

_MEANINGS = {
    # states
    "it holds no connection any more": "它不再持有任何连接", "it waits for somebody to connect": "它等待别人来连接",
    "it asked to connect and waits for the answer": "它已请求连接，等待应答",
    "it answered a request to connect and waits for the last step of the handshake": "它已应答连接请求，等待握手的最后一步",
    "the connection is open and data may flow both ways": "连接已建立，数据可双向流动",
    "it said that it has no more to send (FIN) and waits until that is acknowledged": "它已说明不再发送（FIN），等待确认",
    "its own FIN is acknowledged and it waits for the other side to finish": "它的 FIN 已被确认，等待对方结束",
    "the other side has finished sending, but its own program has not closed yet": "对方已发完，但自己的程序还没有关闭",
    "both sides sent a FIN at the same time and it waits for the acknowledgment of its own": "双方同时发出 FIN，它等待自己的 FIN 被确认",
    "both sides have finished and it waits for the last acknowledgment": "双方都已结束，它等待最后的确认",
    "all is done, and it lingers for a while so that stray segments cannot disturb a later connection":
        "一切已完成，再逗留一阵，以免迷途的报文段扰乱以后的连接",
    # events
    "its program asked to connect: it sends a SYN": "其程序请求连接：它发出 SYN", "its program waits for connections": "其程序等待连接",
    "its program closed: it sends a FIN": "其程序关闭：它发出 FIN", "it gave the connection up: it sends a RST": "它放弃连接：发出 RST",
    "its program sent on a listening socket: it sends a SYN": "其程序在监听套接字上发送：它发出 SYN", "a SYN arrived": "收到 SYN",
    "the answer to its SYN arrived (SYN-ACK)": "收到对其 SYN 的应答（SYN-ACK）", "an acknowledgment arrived": "收到确认",
    "its SYN was acknowledged": "其 SYN 被确认", "its FIN was acknowledged": "其 FIN 被确认", "the other side's FIN arrived": "收到对方的 FIN",
    "the other side's FIN arrived and acknowledged its own": "收到对方的 FIN，并确认了自己的 FIN", "a reset (RST) arrived": "收到复位（RST）",
    "an ICMP error arrived": "收到 ICMP 差错", "it waited too long and gave up": "等待过久而放弃", "the waiting time of TIME-WAIT ended": "TIME-WAIT 的等待时间结束",
    "it was in this state when the capture began": "抓包开始时它已处于此状态",
    # evidence
    "observed": "观察到", "inferred": "推断", "assumed": "假定", "a captured segment does it": "有抓到的报文段为证",
    "deduced from what the side sent or acknowledged later": "由该端后来发送或确认的内容推出",
    "nothing on the wire shows it; it must have been so": "线路上没有证据；只能如此",
    # handshakes, teardowns
    "The usual opening: SYN, SYN-ACK, ACK.": "通常的建立：SYN、SYN-ACK、ACK（三次握手）。",
    "Both sides sent a SYN at the same time and the SYNs crossed; each answered the other's.": "双方同时发出 SYN，途中交错；各自应答对方的。",
    "The SYN was answered by a SYN of the server's own, alone or after an ACK, instead of a SYN-ACK.": "应答 SYN 的不是 SYN-ACK，而是服务器自己的 SYN（单独，或在一个 ACK 之后）。",
    "TCP Fast Open: the SYN already carried data, and the answer acknowledged it.": "TCP Fast Open：SYN 已带数据，应答确认了它。",
    "The SYN was answered by a reset or an error: nobody accepts connections there.": "SYN 得到复位或差错：那里没有人接受连接。",
    "The SYN was sent, perhaps several times, and nothing came back.": "发出了 SYN（也许多次），没有任何回音。",
    "The opening began but was not finished in this capture.": "建立已开始，但在本抓包中没有完成。",
    "The connection was already open when the capture began.": "抓包开始时连接已经建立。",
    "The usual close: each side sends a FIN and the other acknowledges it.": "通常的关闭：每端发出 FIN，对方确认（四次挥手）。",
    "A close in three segments: the second FIN rides with the acknowledgment of the first.": "三个报文段的关闭：第二个 FIN 与对第一个的确认同行。",
    "Both sides closed at the same time: the FINs crossed on the way.": "双方同时关闭：两个 FIN 在途中交错。",
    "One side finished sending early; the other went on sending data and closed later.": "一端先发完；另一端继续发送数据，稍后才关闭。",
    "The close had begun with a FIN, but then one side reset the connection.": "关闭已由 FIN 开始，但随后一端复位了连接。",
    "One side reset the connection without any orderly close.": "一端复位了连接，没有任何有序的关闭。",
    "The connection was not closed, or in one direction only, when the capture ended.": "抓包结束时连接没有关闭，或只关闭了一个方向。",
    "How it ended cannot be told from what was captured.": "从抓到的内容无法得知如何结束。",
    # Zeek's outcomes, grades
    "asked to connect, no answer": "请求连接，无应答", "open, not closed when the capture ended": "已建立，抓包结束时未关闭",
    "opened and closed normally": "正常建立并关闭", "refused": "被拒绝", "the client closed, the server did not": "客户端已关闭，服务器没有",
    "the server closed, the client did not": "服务器已关闭，客户端没有", "reset by the client": "被客户端复位", "reset by the server": "被服务器复位",
    "the client asked to connect, then reset it": "客户端请求连接，随后复位", "the server answered, then reset; the client's SYN was not seen": "服务器应答后复位；未见客户端的 SYN",
    "the client asked to connect and closed; the server was not seen": "客户端请求连接并关闭；未见服务器",
    "the server answered and closed; the client was not seen": "服务器应答并关闭；未见客户端", "seen from the middle only": "只见到中途",
    "broken": "已损坏", "look at this": "请看这里", "worth knowing": "值得知道", "for interest": "供参考",
}  # fmt: skip

_OUTCOMES = {
    "reset": "被复位", "reset while closing": "关闭时被复位", "reset by the client while closing": "关闭时被客户端复位",
    "reset by the server while closing": "关闭时被服务器复位", "asked to connect, then gave up": "请求连接，随后放弃",
    "the opening was not finished": "建立没有完成", "opened by both sides at once": "双方同时打开", "opened with a split handshake": "以分裂握手建立",
    "already open when the capture began": "抓包开始时已建立", "opening not wholly captured": "建立过程没有抓全", "both reset and accepted": "既被复位又被接受",
    "connected to itself": "与自己连接", "closed normally": "正常关闭", "closed by both sides at once": "双方同时关闭", "closed after a half-close": "半关闭之后关闭",
    "not closed when the capture ended": "抓包结束时未关闭", "how it ended is unknown": "如何结束不明", "opened": "已建立",
    "opened and closed by both sides at once": "建立后由双方同时关闭", "opened and closed after a half-close": "建立，半关闭之后关闭",
    "no answer": "无应答", "the SYN was answered by a reset and by a SYN-ACK": "SYN 同时得到复位和 SYN-ACK", "not all of the opening was captured": "建立过程没有抓全",
    "a socket connected to itself": "套接字与自己连接", "data in the SYN (Fast Open)": "SYN 中带数据（Fast Open）",
    "broken off with a reset": "被复位中断", "broken off by the client with a reset": "被客户端以复位中断", "broken off by the server with a reset": "被服务器以复位中断",
    "reset while it was being closed": "关闭过程中被复位", "reset by the client while it was being closed": "关闭过程中被客户端复位",
    "reset by the server while it was being closed": "关闭过程中被服务器复位", "closed by both sides at once ": "双方同时关闭", "half-closed for a while": "半关闭了一段时间",
    "one side closed, the other did not": "一端已关闭，另一端没有", "never answered": "从未应答", "never fully opened": "从未完全建立",
    "once": "一次", "twice": "两次", "never": "从未",
}  # fmt: skip

_TITLES = {
    "the capture lost packets": "抓包丢失了数据包", "packets were cut short": "数据包被截短", "the file is damaged": "文件已损坏", "the clock went backwards": "时钟倒退",
    "packets stand in the capture twice": "数据包在抓包中出现两次", "the capture is not in the order of the wire": "抓包的顺序与线路不同",
    "acknowledged data is missing from the capture": "被确认的数据不在抓包中", "one direction is missing": "缺少一个方向",
    "segments larger than the network carries": "报文段大于网络所能承载", "checksums left to the network card": "校验和留给网卡计算", "the clock leapt forward": "时钟向前跳跃", "packets without a time": "数据包没有时间",
    "connections older than the capture": "连接早于抓包", "no checksum is right": "没有一个校验和正确", "no checksum of one host is right": "某主机没有一个校验和正确",
    "many half-open connections to one port": "到同一端口有大量半开连接",
    "many half-open connections to many ports of one host": "到一台主机的许多端口有大量半开连接", "one host tried many ports of another": "一台主机试探另一台的许多端口",
    "unanswered": "无应答", "opening not finished": "建立未完成", "simultaneous open": "同时打开", "split handshake": "分裂握手", "Fast Open": "Fast Open",
    "began before the capture": "早于抓包开始", "slow answer": "应答缓慢", "aborted": "被中止", "reset during the close": "关闭过程中复位", "not closed": "未关闭",
    "closed on one side only": "只关闭了一端", "simultaneous close": "同时关闭", "half-close": "半关闭", "retransmissions": "重传", "many retransmissions": "大量重传",
    "gaps in the capture": "抓包中有缺口", "out of order": "乱序", "duplicate acknowledgments": "重复确认", "zero window": "零窗口", "bad checksums": "校验和错误",
    "a reset that may be forged": "可能是伪造的复位", "window scaling not agreed": "未商定窗口缩放", "no maximum segment size": "没有最大报文段长度",
}  # fmt: skip

# How a handshake or a close came to be what it is (insight.details), as the story tells it: sentences with their full stop.
_DETAILS = {
    "the SYN-ACK was never answered: the client had gone, or its answer was lost before the capture point.":
        "SYN-ACK 从未得到应答：客户端已离开，或其应答在抓包点之前丢失。",
    "the SYN-ACK was not repeated though it stayed unanswered for seconds: a server that keeps no state (SYN cookies) does that; so does one whose repeats the capture missed.":
        "SYN-ACK 数秒没有得到应答却没有重发：不保存状态的服务器（SYN cookie）如此；重发未被抓到的服务器看来也如此。",
    "the SYN-ACK was answered by a reset: the client had given up or never asked, or only looked whether the port is open.":
        "SYN-ACK 得到复位应答：客户端已放弃、从未请求，或只是探查端口是否开放。",
    "the client went on as one that was accepted, but no SYN-ACK was captured.": "客户端像已被接受一样继续，但没有抓到 SYN-ACK。",
    "the SYN was answered by an ACK without SYN, and then by a SYN.": "SYN 先得到不带 SYN 的 ACK 应答，随后得到 SYN。",
    "no data of the other side was left unread, for it had sent none: the program asked for the reset (SO_LINGER with 0), or its host gave up or knew of no connection; the reset's cause, among the segments, tells more.":
        "对方没有发送数据，因而没有未读数据：程序要求复位（SO_LINGER 为 0），或其主机放弃或不知道该连接；报文段中的复位原因说明更多。",
    "the other side had sent data, which may have been unread or on its way when the program closed; or the program asked for the reset (SO_LINGER with 0), or its host gave up or knew of no connection: the reset's cause, among the segments, tells more.":
        "对方发送过数据，程序关闭时可能未读或仍在途中；或程序要求复位（SO_LINGER 为 0），或其主机放弃或不知道该连接：报文段中的复位原因说明更多。",
    "the client gave up before any answer came.": "客户端在得到任何应答之前放弃。",
    "the reset did not end the connection: its receiver went on, or had to ignore it.": "复位没有结束连接：其接收者继续，或必须忽略它。",
    "the side that had sent its FIN reset: its program had closed completely, and more data came or was left unread.":
        "已发出 FIN 的一端复位：其程序已完全关闭，又有数据到来或未读。",
    "the side that had not closed reset after the FIN of the other.": "没有关闭的一端在对方的 FIN 之后复位。",
    "a reset came after both sides had sent their FIN.": "双方都发出 FIN 之后出现复位。",
}  # fmt: skip

_CAUSES = {
    "the SYN again: no answer came in time": "再次发出 SYN：没有及时得到应答",
    "a SYN inside an open connection: an old duplicate, a forgery, or its sender has begun anew": "已建立连接中的 SYN：旧的重复、伪造，或其发送者已重新开始",
    "the SYN-ACK again: the last step of the handshake did not come, or the SYN came again": "再次发出 SYN-ACK：握手的最后一步没有来，或 SYN 又来了",
    "the answer to a SYN that crossed this side's own SYN: it repeats the number, but is no retransmission": "对交错而来的 SYN 的应答：重复了序号，但不是重传",
    "the FIN again: it was not acknowledged in time": "再次发出 FIN：没有及时被确认",
    "sent again because duplicate ACKs or SACK blocks said that it is missing, before any timer": "重发：重复 ACK 或 SACK 块表明它缺失，早于任何定时器",
    "sent again in the course of a recovery that an earlier retransmission had begun": "重发：属于先前重传所开始的恢复过程",
    "sent again because something sent later had arrived, and more than a round trip had passed": "重发：后发的已到达，且已过一个往返时间",
    "the last segment again after about two silent round trips, to provoke an acknowledgment": "约两个往返时间的沉默后再发最后一段，以引出确认",
    "sent again because the retransmission timer expired": "重发：重传定时器到期", "sent again by a timer: retransmission timeout or tail loss probe, both fit": "由定时器重发：重传超时或尾部丢失探测，两者都符合",
    "sent again without need: an earlier copy had arrived, as a later segment proves": "不必要的重发：后来的报文段证明先前的一份已到达",
    "sent again; what made the sender do so is not to be seen": "重发；看不出原因", "sent in its place and overtaken on the way to the capture point": "按序发出，在到抓包点的途中被超过",
    "fills a hole: a retransmission or overtaken on the way, the capture cannot tell": "填补空缺：重传或途中被超过，抓包无法分辨",
    "the same packet a second time, made by the capture and not by TCP": "同一数据包第二次出现，来自抓包而非 TCP",
    "the same packet a second time, and the receiver got both": "同一数据包第二次出现，接收者两个都收到", "the same packet a second time, made by the network or by the capture": "同一数据包第二次出现，来自网络或抓包",
    "one octet back and nothing new: asks whether the other side is still there": "退回一个字节而无新内容：询问对方是否还在", "answers a keep-alive": "应答保活探测",
    "asks whether a window that was closed is open again": "询问关闭的窗口是否重新打开", "answers a window probe": "应答窗口探测", "announces that there is no room for more": "通告没有更多空间",
    "announces another window and acknowledges nothing new": "通告另一窗口，没有新的确认", "asks again for the octet it misses, because something behind it arrived": "再次索要缺失的字节：它后面的已经到达",
    "reports octets that arrived twice": "报告到达两次的字节", "answers octets that had arrived before": "应答先前已到达的字节", "answers a repeated SYN-ACK": "应答重复的 SYN-ACK",
    "answers a SYN, a reset or an acknowledgment that does not fit the connection, and asks whether it was meant": "应答与连接不符的 SYN、复位或确认，并询问是否当真（质询 ACK）",
    "refuses to connect: nobody accepts connections on the port": "拒绝连接：该端口没有人接受连接", "answers a segment that belongs to no connection its receiver knows": "应答一个不属于任何已知连接的报文段",
    "answers an acknowledgment of something never sent, before the handshake was complete": "握手完成前，应答对从未发送之物的确认",
    "answers data for a program that has closed": "应答发给已关闭程序的数据", "gives up: several keep-alives were not answered": "放弃：几次保活探测未得应答",
    "gives up: several retransmissions were not answered": "放弃：几次重传未得应答",
    "breaks the connection off: its program wished so, or closed without having read all": "中断连接：其程序要求如此，或未读完就关闭", "a reset after a reset of the same side": "同一端复位之后的又一次复位",
    "a reset; what made its sender send it is not to be seen": "复位；看不出原因",
    # words of our own for causes, which stay as they are
    "abort": "abort", "refusal": "refusal", "reordered": "reordered", "unknown": "unknown",
}  # fmt: skip

_SEGMENTS = {
    "lost": "丢失", "acknowledges nothing new": "没有新的确认", "a segment without flags": "没有标志的报文段", "carries nothing": "不带任何内容", "acknowledges the FIN": "确认 FIN",
    "acknowledges the SYN": "确认 SYN", "acknowledges octets that were not captured": "确认了没有抓到的字节", "asks to connect": "请求连接", "asks at the same time": "同时请求连接",
    "asks again, retransmission": "再次请求，重传", "asks for a new connection on ports used before": "在用过的端口上请求新连接", "accepts, acknowledges the SYN": "接受，确认 SYN",
    "accepts again, retransmission": "再次接受，重传", "acknowledges the SYN that crossed": "确认交错而来的 SYN", "acknowledges its own SYN": "确认自己的 SYN",
    "closes: no more to send": "关闭：不再发送", "closes, but out of order": "关闭，但乱序", "FIN again, retransmission": "再次 FIN，重传", "resets again": "再次复位",
    "refuses: nobody accepts connections here": "拒绝：这里没有人接受连接", "resets after both FINs were acknowledged": "两个 FIN 都被确认之后复位", "resets after both FINs": "两个 FIN 之后复位",
    "resets after its own FIN": "自己的 FIN 之后复位", "resets instead of closing with a FIN": "以复位代替 FIN 关闭", "gives up before any answer": "没有应答就放弃",
    "rejects an acknowledgment of what it never sent": "拒绝对它从未发送之物的确认", "resets instead of completing the handshake": "不完成握手而复位",
    "resets, but its number is not the next one": "复位，但其序号不是下一个", "the SYN again, inside an open connection": "已打开的连接中又来 SYN",
    "accepts another SYN than the one captured": "接受的是另一个没有抓到的 SYN", "the other side": "对方", "?": "?",
    "resets: breaks the connection off": "复位：中断连接", "retransmission of what was acknowledged already": "重传已被确认的内容", "retransmission after duplicate ACKs": "重复 ACK 之后重传",
    "retransmission": "重传", "keep-alive: is there room again?": "保活：有空间了吗？", "keep-alive: are you still there?": "保活：你还在吗？", "answers the keep-alive": "应答保活",
    "probes the zero window": "探测零窗口", "answers the probe": "应答探测", "duplicate ACK": "重复 ACK", "zero window: still no room": "零窗口：仍无空间",
    "zero window: no room for more": "零窗口：没有更多空间", "window update": "窗口更新", "fills the window": "填满窗口", "octets before it were not captured": "之前的字节没有抓到",
    "no frame shows it": "没有帧为证",
}  # fmt: skip

_OPTIONS = {
    "Maximum segment size, octets": "最大报文段长度（字节）", "Window scale": "窗口缩放", "Selective acknowledgments (SACK)": "选择确认（SACK）", "Timestamps": "时间戳",
    "Congestion notification (ECN)": "显式拥塞通知（ECN）", "not seen": "未见", "not offered": "未提出", "offered": "已提出", "yes": "是", "no": "否", "–": "–",
    "yes, each side's own": "是，各用各的", "no: windows as they stand, at most 65,535": "否：窗口按原值，至多 65,535", "": "",
}  # fmt: skip

TERMS: dict[str, str] = {**_MEANINGS, **_OUTCOMES, **_TITLES, **_DETAILS, **_CAUSES, **_SEGMENTS, **_OPTIONS}
