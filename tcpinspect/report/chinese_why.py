"""Chinese for why a segment was sent: patterns over the sentences of `insight.why.tell`. Floor 4. Reading: RFC 6298, RFC 8985 (the terms).

As in `chinese_sentences`: each pattern covers a whole sentence; its groups are numbers, durations and clauses that other patterns cover.
"""

from __future__ import annotations

_N = r"(-?[\d,]+)"
# A length of time; a dash where it is not known.
_T = r"(−?[\d.,]+ (?:ns|µs|ms|s)|−?[\d.,]+ (?:min|h|d)(?: \d+ (?:s|min|h))?|0 s|–)"
_O = r"([\d,]+ octets?)"
_TIMES = r"(once|twice|[\d,]+ times)"
_BY = r"(frame [\d,]+|the other side)"
_SACKED = r"(?: (\([\d,]+ octets behind it selectively acknowledged\)))?"
_WHERE = r"(between the capture point and the receiver|before the capture point)"

_COPIES = {
    rf"It was sent {_TIMES} before: {_T} after the copy before, {_T} after the first\.": "此前已发送{0}：距上一次 {1}，距首次 {2}。",
    rf"The other side had repeated its SYN just before \(frame {_N}\)\.": "对方刚刚重复了它的 SYN（帧 {0}）。",
    rf"This was sent first in frame {_N}, {_T} before\.": "首次发送于帧 {0}，在 {1} 之前。",
    rf"This was sent first in frame {_N}, the copy before in frame {_N}, {_T} before\.": "首次发送于帧 {0}，上一次于帧 {1}，在 {2} 之前。",
    rf"This was sent first in frames {_N} to {_N}, {_T} before\.": "首次发送于帧 {0} 至 {1}，在 {2} 之前。",
    rf"This FIN was sent first in frame {_N}, {_T} before\.": "此 FIN 首次发送于帧 {0}，在 {1} 之前。",
    rf"This FIN was sent first in frame {_N}, the copy before in frame {_N}, {_T} before\.": "此 FIN 首次发送于帧 {0}，上一次于帧 {1}，在 {2} 之前。",
    rf"This FIN was sent first in frames {_N} to {_N}, {_T} before\.": "此 FIN 首次发送于帧 {0} 至 {1}，在 {2} 之前。",
    rf"{_O} of this was sent first in frame {_N}, {_T} before\.": "其中 {0}首次发送于帧 {1}，在 {2} 之前。",
    rf"{_O} of this was sent first in frame {_N}, the copy before in frame {_N}, {_T} before\.":
        "其中 {0}首次发送于帧 {1}，上一次于帧 {2}，在 {3} 之前。",
    rf"{_O} of this was sent first in frames {_N} to {_N}, {_T} before\.": "其中 {0}首次发送于帧 {1} 至 {2}，在 {3} 之前。",
    r"It is cut differently from the original\.": "分段与原来不同。",
    rf"It is cut differently from the original; {_O} of it (?:is|are) new\.": "分段与原来不同；其中 {0}是新的。",
    r"The original is not in the capture: it was lost before the capture point, or the capture missed it\.":
        "抓包中没有原报文段：它在抓包点之前丢失，或抓包漏掉了它。",
}  # fmt: skip

_TRIGGERS = {
    r"no duplicate ACKs": "没有重复 ACK", rf"\({_N} octets behind it selectively acknowledged\)": "（其后 {0} 字节已被选择确认）",
    rf"It is a fast retransmission: ((?:no|{_N[1:-1]}) duplicate ACKs?) of octet {_N} had passed here{_SACKED}, the last {_T} before\.":
        "这是快速重传：此前这里已经过字节 {1} 的 {0}{2}，最后一个在 {3} 之前。",
    rf"It belongs to a recovery that an earlier retransmission began: the last ACK passed {_T} before{_SACKED}\.":
        "它属于先前一次重传开始的恢复：最后一个 ACK 在 {0} 之前经过{1}。",
    rf"No ACK provoked it directly: frame {_N}, sent later than the copy before, had arrived, and {_T} since that copy are more than the "
    rf"round trip of {_T}\.": "没有 ACK 直接引发它：帧 {0} 比上一份发得晚却已到达，而距那一份已 {1}，超过往返时间 {2}。",
    rf"It is a tail loss probe: the last octets sent, again after {_T} of silence, about two round trips of {_T}\.":
        "这是尾部丢失探测：沉默 {0}（约两个往返时间，每个 {1}）之后，再发最后的字节。",
    rf"The retransmission timer expired: {_T} since it was started; by what was measured here the RTO is {_T} "
    r"\(stacks in use wait at least 200 ms, RFC 6298 a second\)\.":
        "重传定时器到期：启动后已 {0}；按此处测得，RTO 为 {1}（现用的实现至少等 200 ms，RFC 6298 至少等一秒）。",
    rf"A timer expired after {_T} of silence: with one segment in flight a tail loss probe and the retransmission timeout come at nearly "
    r"the same time, and nothing later tells them apart\.":
        "沉默 {0} 后某个定时器到期：只有一个报文段在途时，尾部丢失探测与重传超时几乎同时发生，此后也没有迹象可以区分。",
    rf"What made the sender repeat it is not to be seen here: ((?:no|{_N[1:-1]}) duplicate ACKs?) and {_T} since the copy before\.":
        "看不出发送方为何重发：{0}，距上一份 {1}。",
    rf"The timer expired again {_T} later: doubled, as after a timeout\.": "{0} 后定时器再次到期：时间加倍，如超时之后那样。",
    rf"The timer expired again {_T} later: not doubled, as after a probe\.": "{0} 后定时器再次到期：时间没有加倍，如探测之后那样。",
}  # fmt: skip

_NEED = {
    r"between the capture point and the receiver": "抓包点与接收方之间", r"before the capture point": "抓包点之前",
    rf"It was not needed: {_BY} had acknowledged up to {_N} before, all of it included\.": "本无必要：{0}此前已确认到 {1}，包含全部内容。",
    r"It was not needed, unless the receiver threw away what it had: a SACK block had reported all of it before\.":
        "本无必要，除非接收方丢弃了已有的内容：此前的 SACK 块已报告收到全部。",
    rf"It was not needed: {_BY} reports these octets as received twice \(D-SACK\)\. The copy before was late, not lost\.":
        "本无必要：{0}报告这些字节收到两次（D-SACK）。上一份来迟了，没有丢失。",
    rf"It was not needed: {_BY} acknowledges it and echoes timestamp {_N}, older than the {_N} of this copy: an earlier one had arrived\.":
        "本无必要：{0}确认它并回显时间戳 {1}，早于本份的 {2}：先前的一份已经到达。",
    rf"It was not needed: {_BY} acknowledges it after {_T}, sooner than any round trip \({_T} at least\)\.":
        "本无必要：{0}在 {1} 后就确认了它，快于任何往返时间（至少 {2}）。",
    rf"It was needed: {_BY} acknowledges it and echoes timestamp {_N}, this copy's or a later one's; the copy before was lost {_WHERE}\.":
        "确有必要：{0}确认它并回显时间戳 {1}，属于本份或更晚的一份；上一份丢失在{2}。",
    rf"It was needed, and was lost as well: {_BY} carries the octets again and is the copy whose timestamp is echoed\.":
        "确有必要，但也丢失了：{0}再次携带这些字节，被回显的正是那一份的时间戳。",
    rf"Whether it was needed cannot be told: {_BY} carries the octets yet again, and the acknowledgment does not say which copy it answers\.":
        "是否必要无法断定：{0}又一次携带这些字节，而确认没有说明应答的是哪一份。",
    rf"Whether it was needed cannot be told for certain: {_BY} acknowledges it without a sign of which copy had arrived; no D-SACK came\.":
        "是否必要无法确定：{0}确认了它，却没有迹象表明到达的是哪一份；也没有 D-SACK。",
    r"It is not acknowledged in this capture, so whether it was needed cannot be told\.": "本抓包中它没有被确认，所以是否必要无法断定。",
}  # fmt: skip

_LATE = {
    rf"Frame {_N} is the same to the last bit of header and checksum, {_T} before\.": "{1} 之前的帧 {0} 与它的首部和校验和每一位都相同。",
    rf"Frame {_N} reports it as received twice \(D-SACK\): the network doubled it\.": "帧 {0} 报告它收到两次（D-SACK）：是网络复制了它。",
    r"No timer and no duplicate ACK can have repeated it so soon\.": "没有哪个定时器或重复 ACK 能这么快就引起重发。",
    r"It lies below what this side had sent, and the place was never seen empty\.": "它位于本端已发送的范围之内，而该处从未见过空缺。",
    rf"Frame {_N} had left this hole {_T} before; none of these octets was seen earlier\.": "帧 {0} 在 {1} 之前留下这个空缺；这些字节此前都没有见过。",
    rf"Its timestamp is {_N} ticks? older than that frame's, so it was sent before it\.": "它的时间戳比那一帧早 {0} 个滴答，所以发送在前。",
    rf"Its timestamp is {_N} ticks? newer than that frame's, so it was sent after it\.": "它的时间戳比那一帧晚 {0} 个滴答，所以发送在后。",
    rf"In that time nobody can have told the sender of the hole: the round trip is {_T}\.": "这段时间内不可能有人把空缺告诉发送方：往返时间为 {0}。",
}  # fmt: skip

_ACKS = {
    rf"It answers frame {_N}, (.+?) inside an open connection, {_T} later: whoever meant that would now reset exactly \(RFC 5961\)\."
    r"( Its numbers .+)?": "它在 {2} 后应答帧 {0}（已打开的连接中的{1}）：真有此意者现在会以准确的序号复位（RFC 5961）。{3}",
    r"Its numbers are of a connection that the other side does not know: half-open \(figure 9\)\.": "它的序号属于对方不知道的连接：半打开（图 9）。",
    r"a SYN": " SYN", r"a reset that is not exactly at the next number": "复位，其序号不正好是下一个",
    rf"an acknowledgment of {_N}, while only {_N} had been sent": "对 {0} 的确认，而只发送到 {1}",
    rf"It answers frame {_N}, {_T} later\.": "它在 {1} 后应答帧 {0}。",
    rf"The other side had octets up to {_N} on the way; {_N} is missing\. It follows frame {_N}, {_T} later\.":
        "对方到 {0} 为止的字节在途中；缺少 {1}。它在帧 {2} 之后 {3}。",
    rf"Octets {_N} to {_N} arrived twice\.": "字节 {0} 至 {1} 到达两次。",
}  # fmt: skip

_RESETS = {
    r"Nobody listens on the port: a SYN to a closed port is answered with RST, ACK of its number\.":
        "该端口无人监听：对关闭端口的 SYN 以 RST 应答，并确认其序号。",
    r"Its number is the ACK of the segment it answers, and it carries no ACK: that is how a host answers a segment for which it has no "
    r"connection\.": "它的序号就是所应答报文段的 ACK，且自己不带 ACK：主机对不属于任何连接的报文段就这样应答。",
    r"Its sender had not completed the handshake, and was sent an acknowledgment of something it never sent \(figures 8 and 9\)\.":
        "其发送方还没有完成握手，却收到对它从未发送之物的确认（图 8 和图 9）。",
    r"Its program had closed completely; data that comes then can be delivered to nobody, and is answered with a reset\.":
        "其程序已完全关闭；此后到来的数据无人可交，便以复位应答。",
    rf"{_N} keep-alives had gone unanswered: it gave the connection up\.": "{0} 次保活探测没有应答：它放弃了连接。",
    rf"{_N} retransmissions or probes had gone unanswered: it gave the connection up\.": "{0} 次重传或探测没有应答：它放弃了连接。",
    r"Its number is the next one its sender would use, so it is of its sender's own accord \(ABORT\)\.":
        "它的序号正是发送方接下来要用的，所以是发送方自行复位（ABORT）。",
    r"Its sender had reset before\.": "其发送方此前已复位过。",
    r"Its number fits none of the rules for sending a reset: a middlebox or an attacker may have made it\.":
        "它的序号不符合任何发送复位的规则：可能由中间设备或攻击者制造。",
    r"What came before it was not captured\.": "它之前的内容没有抓到。",
    r"It had sent its FIN before: what came then met a connection that was over\.": "它此前已发送 FIN：后来的报文段遇到的是已结束的连接。",
    r"The other side believed in an open connection that this one no longer had \(last seen in (\S+)\): half-open, discovered by data "
    r"\(figure 10\)\.": "对方以为连接仍打开，而这一端已没有它（最后所见状态 {0}）：半打开，由数据发现（图 10）。",
    r"A SYN of it was seen, but it knows nothing of that: it gave up, the SYN was an old duplicate \(figure 8\), or not its TCP's own "
    r"\(a scanner's\)\.": "见到过它的 SYN，它却一无所知：它放弃了，或该 SYN 是旧的重复（图 8），或不是它的 TCP 发的（扫描器）。",
    r"It had asked for no connection: a SYN-ACK that answers an old or foreign SYN \(figure 11\)\.":
        "它没有请求过连接：那个 SYN-ACK 应答的是旧的或他人的 SYN（图 11）。",
    rf"The wire does not say why: the program may have asked for it \(SO_LINGER with 0\), or closed or ended while data was unread: {_O} had "
    r"reached it since it last sent data\.": "线路上看不出原因：程序可能要求如此（SO_LINGER 为 0），或在数据未读完时关闭或结束：自它上次发送数据以来已到达 {0}。",
    rf"The wire does not say why: the program may have asked for it \(SO_LINGER with 0\), or closed or ended while data was unread: {_O} had "
    r"reached it and it had not sent any data itself\.":
        "线路上看不出原因：程序可能要求如此（SO_LINGER 为 0），或在数据未读完时关闭或结束：已到达 {0}，而它自己没有发送过数据。",
    r"The wire does not say why: the program may have asked for it \(SO_LINGER with 0\); unread data it cannot have left, nothing had come "
    r"since it last sent data\.": "线路上看不出原因：程序可能要求如此（SO_LINGER 为 0）；不会有未读的数据，自它上次发送数据以来什么也没有到。",
    rf"It was acceptable: {_N} is exactly the number its receiver expects next\.": "可以接受：{0} 正是接收方期待的下一个序号。",
    rf"Whether it was exact depends on what had arrived: the receiver had acknowledged {_N}, the sender sent up to {_N}, its number is {_N}\.":
        "是否准确取决于哪些已到达：接收方确认到 {0}，发送方发送到 {1}，它的序号是 {2}。",
    rf"It was in the window \({_N} to {_N}\) but not exact \({_N}, expected {_N}\): RFC 5961 answers it with a challenge ACK, older rules "
    r"obeyed it\.": "它在窗口内（{0} 至 {1}）但不准确（{2}，应为 {3}）：RFC 5961 以质询 ACK 应答，旧规则则服从。",
    rf"It was not acceptable: {_N} is outside the window \({_N} to (\?|{_N[1:-1]})\); its receiver has to ignore it\.":
        "不可接受：{0} 在窗口（{1} 至 {2}）之外；接收方必须忽略。",
    r"It was acceptable: in SYN-SENT a reset counts when it acknowledges the SYN\.": "可以接受：在 SYN-SENT 中，确认了 SYN 的复位有效。",
    r"It was not acceptable: in SYN-SENT a reset counts only when it acknowledges the SYN\.": "不可接受：在 SYN-SENT 中，只有确认了 SYN 的复位才有效。",
    r"Whether it was acceptable cannot be told: what its receiver expected was not captured\.": "是否可接受无法断定：接收方期待什么没有抓到。",
    r"Its receiver obeyed, as far as the capture shows: it sent nothing of this connection afterwards\.":
        "就抓包所见，接收方服从了：此后没有再为此连接发送任何东西。",
    r"Its receiver sent nothing of this connection afterwards\.": "接收方此后没有再为此连接发送任何东西。",
    rf"Its receiver did not obey but asked back: frame {_N} is a challenge ACK\.": "接收方没有服从而是反问：帧 {0} 是质询 ACK。",
    rf"Its receiver did not obey: it went on with frame {_N}\.": "接收方没有服从：它以帧 {0} 继续。",
    rf"Its supposed sender itself goes on in frame {_N}: the reset may be somebody else's\.": "其所谓的发送方自己在帧 {0} 继续：复位可能是别人发的。",
}  # fmt: skip

WHY: dict[str, str] = {**_COPIES, **_TRIGGERS, **_NEED, **_LATE, **_ACKS, **_RESETS}
