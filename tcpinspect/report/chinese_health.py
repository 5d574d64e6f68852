"""Chinese for what is wrong with the capture itself, and for resets that may be forged. Floor 4.

As in `chinese_sentences`: patterns over the sentences of `insight.doctor` and `insight.forged`; `ADVICE` has those that are always the same.
"""

from __future__ import annotations

_N, _T = r"([\d,]+)", r"([\d.,]+ (?:ns|µs|ms|s)|[\d.]+ (?:min|h|d)(?: \d+ (?:s|min|h))?|0 s)"
_TIMES = r"(once|twice|[\d,]+ times)"

# insight.doctor: why a finding is doubtful.
_REASONS = {
    "the capture lost packets": "抓包丢失了数据包", "the clock of the capture went backwards": "抓包的时钟倒退过",
    "packets of this connection were captured twice": "此连接的数据包被抓到两次", "the capture shuffled its packets": "抓包打乱了数据包的顺序",
    "the capture lacks segments that did arrive": "抓包缺少已经到达的报文段", "one direction of this connection was not captured": "此连接的一个方向没有抓到",
    "the clock of the capture leapt forward": "抓包的时钟向前跳跃过", "no checksum in this capture is right": "抓包中没有一个校验和正确",
    "the sender's network card writes them after the capture": "它们由发送方的网卡在抓包之后写入",
}  # fmt: skip

# insight.doctor: what a fault means for the analysis, and what to do.
ADVICE = {
    **_REASONS,
    "Gaps, missing handshakes and missing closes may be the capture's; loss in it says nothing of the network.": "缺口、不见的握手和不见的挥手可能是抓包造成的；其中的丢失不说明网络的情况。",
    "Capture again with a larger buffer (tcpdump -B 65536), a capture filter, a snap length (-s 128), or onto a faster disk.":
        "用更大的缓冲区（tcpdump -B 65536）、抓包过滤器、抓包长度（-s 128）或更快的磁盘重新抓包。",
    "Sequence numbers and states are exact, lengths come from the IP header; only checksums cannot be verified.": "序号和状态是准确的，长度取自 IP 首部；只是校验和无法验证。",
    "Nothing, unless contents matter; then capture whole packets (tcpdump -s 0).": "无需处理，除非需要内容；那样就抓完整的数据包（tcpdump -s 0）。",
    "What stands behind the damage is not part of the analysis.": "损坏之后的内容不在分析之内。",
    "Copy the file again; a capture still being written is complete only when the capturing program has ended.": "重新复制文件；仍在写入的抓包要等抓包程序结束才完整。",
    "Durations and round-trip times across the step are wrong; order and states are not touched.": "跨越时钟倒退处的时长和往返时间不对；顺序和状态不受影响。",
    "Keep the clock from being set during a capture (chrony and ntpd slew it); do not join files in the wrong order.":
        "抓包期间不要拨动时钟（chrony 和 ntpd 会缓慢调整）；合并文件时不要弄错先后。",
    "Copies look like retransmissions, duplicate acknowledgments and late segments; counts of packets are too high.": "副本看起来像重传、重复确认和迟到的报文段；数据包数偏高。",
    "Capture on one interface instead of any, mirror one direction of a port only, or take the copies out: editcap -d.":
        "只在一个接口上抓包而不用 any，端口只镜像一个方向，或用 editcap -d 去掉副本。",
    "Late segments look as if the network had reordered them, and acknowledgments as if they came before their data.": "迟到的报文段看起来像被网络打乱，确认看起来像先于数据到来。",
    "Sort by time (reordercap), capture on one queue or one interface, or let the network card set the stamps.": "按时间排序（reordercap），只在一个队列或一个接口上抓包，或由网卡打时间戳。",
    "The network did not lose these octets: counts of loss are not to be trusted, nor are states that a lost FIN would have changed.":
        "这些字节不是网络丢失的：丢失的计数不可信，丢失的 FIN 本会改变的状态也不可信。",
    "Capture again with a larger buffer (tcpdump -B 65536) or a narrower filter; check that every path passes the capturing point.":
        "用更大的缓冲区（tcpdump -B 65536）或更窄的过滤器重新抓包；确认每条路径都经过抓包点。",
    "Round-trip times, windows and the states of the silent side are unknown; connections look unanswered or never closed.":
        "往返时间、窗口和未见一端的状态未知；连接看起来没有应答或从未关闭。",
    "Mirror both directions of the port; check for asymmetric routes and for a capture filter on one address only (src or dst).":
        "镜像端口的两个方向；检查路由是否不对称，以及抓包过滤器是否只写了一个地址（src 或 dst）。",
    "Packets on the network were smaller and more: counts of segments, and what one loss costs, are not those of the wire.":
        "网络上的数据包更小、更多：报文段数，以及一次丢失的代价，都不是线路上的。",
    "Take it on the way or at the other end, or switch it off: ethtool -K eth0 gro off lro off tso off gso off.":
        "在途中或另一端抓包，或关闭它：ethtool -K eth0 gro off lro off tso off gso off。",
    "Nothing: such a checksum is not taken as an error.": "没有影响：这样的校验和不算错误。",
    "Nothing; the capture was taken on the machine that sent them, before its network card finished them.": "无需处理；抓包是在发送的机器上、网卡算完校验和之前进行的。",
    "Durations and times across the leap are too long, such as a retransmission timeout or the length of a connection.": "跨越时钟跳跃处的时长偏大，例如重传超时或连接的时长。",
    "Keep the clock from being set during a capture. A sender that slept meanwhile looks the same.": "抓包期间不要拨动时钟。发送方在此期间休眠，看起来也是这样。",
    "Their options, window scale and initial sequence numbers are unknown; who opened them is assumed.": "它们的选项、窗口缩放因子和初始序号未知；由谁打开是假定的。",
    "Begin the capture before the programs connect, or restart them.": "在程序连接之前开始抓包，或重启程序。",
    "Bad checksums say nothing here: no segment is taken as damaged because of them.": "校验和错误在这里不说明问题：不因此认为报文段损坏。",
    "Nothing; if the tool that rewrote the capture can correct checksums, use that (tcprewrite --fixcsum).": "无需处理；改写抓包的工具若能修正校验和，可以使用（tcprewrite --fixcsum）。",
    "Those checksums say nothing: what the other side acknowledged did arrive.": "这些校验和不说明问题：对方确认过的确实已到达。",
    "Nothing; the capture was taken on that host, before its network card wrote the checksums (ethtool -K eth0 tx off).":
        "无需处理；抓包是在该主机上、网卡写入校验和之前进行的（ethtool -K eth0 tx off）。",
    "Times, durations and round trips mean nothing there; numbers, states and the order of packets are not touched.": "那里的时间、时长和往返时间没有意义；各种号码、状态和数据包的顺序不受影响。",
    # where reading ended
    "the file is cut off inside a packet header": "文件在数据包首部之内中断", "the file is cut off inside a packet": "文件在数据包之内中断",
    "the file is cut off inside a block header": "文件在块首部之内中断", "the file is cut off inside a block": "文件在块之内中断",
    "a packet block that contradicts itself": "一个自相矛盾的数据包块", "an interface block too short to be one": "一个过短的接口块",
    # engine.links.REASONS: what is not TCP
    "unknown link type": "未知链路类型", "cut off by the snap length": "被抓包长度截断", "malformed": "格式错误", "not IP": "非 IP", "IP fragment": "IP 分片",
    "other IP protocol": "其他 IP 协议", "encrypted (ESP)": "加密（ESP）", "nested too deeply": "嵌套过深",
    "Capture with a program that writes a time to every packet, such as tcpdump or dumpcap.": "使用给每个数据包写入时间的程序抓包，例如 tcpdump 或 dumpcap。",
}  # fmt: skip

_DOCTOR = {
    rf"Whoever captured reports that {_N} packets? (?:was|were) lost: gaps may be the capture's, not the network's\.": "抓包者报告丢失了 {0} 个数据包：缺口可能是抓包的，而不是网络的。",
    rf"{_N} packets? (?:was|were) cut short by the snap length: their checksums cannot be verified\.": "{0} 个数据包被抓包长度截短：其校验和无法验证。",
    rf"{_N} packets? (?:was|were) cut short by the snap length: their checksums cannot be verified\. {_N} packets? (?:was|were) cut inside the headers and cannot be told to be TCP\.":
        "{0} 个数据包被抓包长度截短：其校验和无法验证。{1} 个数据包在首部之内被截断，无法判断是否为 TCP。",
    rf"The clock of the capture went backwards {_TIMES}: times and durations there are not to be trusted\.": "抓包的时钟倒退了{0}：那里的时间和时长不可信。",
    rf"The clock of the capture leapt forward {_TIMES}: the senders' own clocks \(timestamps\) did not\.": "抓包的时钟向前跳跃了{0}：发送方自己的时钟（时间戳）没有。",
    rf"{_N} packets? carr(?:y|ies) no time \(simple packet blocks?\): each is given the time of the packet before it, or 1970 where there is none\.":
        "{0} 个数据包没有时间（simple packet block）：各取前一个数据包的时间，前面没有的记为 1970 年。",
    r"The file could not be read as it should be: (.+)\.": "文件无法正常读完：{0}。",
    rf"a packet of {_N} octets, more than any capture holds,": "一个 {0} 字节的数据包，超过任何抓包所能容纳",
    rf"a pcapng block of {_N} octets, which none can have,": "一个 {0} 字节的 pcapng 块，不可能有这样的块",
    rf"a pcapng block that gives its length as {_N} and as {_N}": "一个 pcapng 块给出两个长度 {0} 和 {1}",
    rf"a snoop record of {_N} octets for a packet of {_N}, which contradicts itself,": "一个自相矛盾的 snoop 记录：{0} 字节的记录含 {1} 字节的数据包",
    rf"(.+) at byte {_N}, after packet {_N}: analysed up to there": "{0}：字节 {1} 处，数据包 {2} 之后；分析到此为止",
    rf"(.+); read {_N} packets before it": "{0}；在此之前读到 {1} 个数据包",
    rf"{_N} packets? (?:was|were) captured twice within a millisecond, with the same numbers and identification: so it looks on several interfaces at once, a bridge, or a mirror port\.":
        "{0} 个数据包在一毫秒内以相同的号码和标识被抓到两次：同时抓多个接口、网桥或镜像端口时就是这样。",
    r"The file is not in the order in which the packets passed: (.+)\.": "文件中的顺序不是数据包经过的顺序：{0}。",
    r"(\d[^,]*?packets? (?:older|captured) .+?)(?:,| and) (\d[\d,]* packets? (?:older|captured) .+)": "{0}，{1}",
    rf"{_N} packets? older than the one before in the file": "{0} 个早于文件中的前一个",
    rf"{_N} packets? captured behind its own acknowledgment": "{0} 个在对它的确认之后才抓到",
    rf"{_N} packets? captured behind a later one, and the receiver missed nothing": "{0} 个在后发的之后才抓到，而接收方并未缺少什么",
    rf"(.+) in {_N} places? (?:was|were) acknowledged and never captured: the receiver had them, so the capture lost them, or they went another way\.":
        "{1} 处共 {0} 已被确认却从未抓到：接收方已收到，所以是抓包丢失了它们，或它们走了别的路径。",
    r"Every connection shows one direction only, though that side acknowledges what the other sends\.": "每个连接都只见到一个方向，而该端却在确认对方发送的内容。",
    rf"{_N} connections? shows? one direction only, though that side acknowledges what the other sends\.": "{0} 个连接只见到一个方向，而该端却在确认对方发送的内容。",
    rf"{_N} segments? (?:is|are) larger than the receiver's maximum segment size: joined or not yet cut by the network card \(offload\)\.":
        "{0} 个报文段大于接收方的最大报文段长度：由网卡合并，或尚未被网卡切分（offload）。",
    rf"{_N} segments? (?:has|have) a checksum that the sender left to its network card \(offload\)\.": "{0} 个报文段的校验和由发送方留给了网卡计算（offload）。",
    rf"None of the {_N} checksums? that can be verified is right: the capture was rewritten afterwards \(anonymised\)\.": "可以验证的 {0} 个校验和没有一个正确：抓包后来被改写过（匿名化）。",
    rf"{_N} checksums? of one side, all it sent, (?:is|are) wrong, the other side's right: left to a network card\.": "一端发出的全部 {0} 个校验和都不对，另一端的正确：留给了网卡计算。",
    rf"{_N} connections? (?:was|were) already open when the capture began\.": "{0} 个连接在抓包开始时已经建立。",
}  # fmt: skip

_FORGED = {
    r"A reset in this connection may be forged: (.+)\.": "此连接中的一个复位可能是伪造的：{0}。",
    rf"{_N} resets in this connection may be forged: (.+)\.": "此连接中的 {0} 个复位可能是伪造的：{1}。",
    rf"its supposed sender goes on {_T} later \(frame {_N}\) and is acknowledged": "所称的发送方在 {0} 后继续发送（帧 {1}），并得到确认",
    rf"its TTL is {_N}, that of its supposed sender's {_N} segments? {_N}": "它的 TTL 为 {0}，而所称发送方的 {1} 个报文段为 {2}",
    rf"its TTL is {_N}, that of its supposed sender's {_N} segments? {_N} or {_N}": "它的 TTL 为 {0}，而所称发送方的 {1} 个报文段为 {2} 或 {3}",
    rf"its IP identification is {_N}, where {_N} was the last and they are counted": "它的 IP 标识为 {0}，而上一个是 {1}，且标识依次递增",
    r"it has no timestamp, as all of its supposed sender's segments have": "它没有时间戳，而所称发送方的报文段都有",
    rf"its timestamp {_N} is older than the last one, {_N}": "它的时间戳 {0} 早于上一个 {1}",
    rf"its number is {_N} beyond the next one of its supposed sender": "它的序号比所称发送方的下一个序号大 {0}",
    rf"its number is {_N} below the next one of its supposed sender": "它的序号比所称发送方的下一个序号小 {0}",
}  # fmt: skip

_DOUBT = {
    r"(.+\.) Doubtful: (.+)\.": "{0}存疑：{1}。",
    r"(.+ \(TI-CAP-\d+\)) and (.+ \(TI-CAP-\d+\))": "{0}，{1}",
    r"([^()]+ \(TI-CAP-\d+\)), (.+ \(TI-CAP-\d+\))": "{0}，{1}",
    r"([^()]+) \((TI-CAP-\d+)\)": "{0}（{1}）",
}  # fmt: skip

HEALTH = {**_FORGED, **_DOCTOR, **_DOUBT}
