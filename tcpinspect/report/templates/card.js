// The card beside an arrow under the pointer or the focus: the segment's header drawn as RFC 9293 §3.1 draws it, and why it was sent.
const card = make("div", { id: "card", class: "card", role: "tooltip", hidden: "" });
let cardTimer = 0, cardOwner = null;

function field(name, value, bits, extra) {
  return make("div", { class: "field b" + bits + (extra ? " " + extra : "") }, make("span", {}, say(name)), make("b", {}, value));
}

function headerOf(segment, c) {
  const port = (end) => end.slice(end.lastIndexOf(":") + 1);
  const raw = (value) => (value === null ? "" : " (" + value + ")");
  const [from, to] = segment.client ? [c.client, c.server] : [c.server, c.client];
  const window = segment.windowRaw + (segment.window === null ? " " + say("(scale not known)") : segment.factor > 1 ? " × " + segment.factor + " = " + grouped(segment.window) : "");
  const flags = make("div", { class: "field b9 flags" }, ...[7, 6, 5, 4, 3, 2, 1, 0].map((n) =>
    make("i", { class: segment.flags >> n & 1 ? "on" : "off" }, FLAG_NAMES[n])));
  return make("div", { class: "header" },
    field("Source port", port(from), 16), field("Destination port", port(to), 16),
    field("Sequence number", (segment.seq === null ? "?" : grouped(segment.seq)) + raw(segment.seqRaw), 32),
    field("Acknowledgment number", segment.ack === null ? "–" : grouped(segment.ack) + raw(segment.ackRaw), 32),
    field("Offset", segment.offset, 4), flags, field("Window", window, 15),
    field("Checksum", "0x" + segment.checksum.toString(16).padStart(4, "0") + ", " + say(segment.checksumStatus), 16),
    field("Urgent pointer", segment.urgent, 16),
    segment.options ? field("Options", segment.options.replace(/,/g, ", "), 32, "left") : null,
    segment.length ? field("Data", say("{0} octets", grouped(segment.length)), 32, "data") : null);
}

function stepLine(step) {
  return make("li", {}, make("b", { class: "side-" + step.side }, say(step.side)), " ", step.from + " → " + step.to + " ",
    make("span", { class: "id" }, step.event + " · " + say(step.evidence) + " · " + step.rule));
}

function explained(segment) {
  const box = make("div", { class: "why" }, make("p", { class: "sentence" }, segment.sentence));
  if (segment.steps.length) { box.append(make("ul", { class: "steps" }, ...segment.steps.map(stepLine))); }
  if (segment.details.length) { box.append(make("ul", { class: "grounds" }, ...segment.details.map((line) => make("li", {}, line)))); }
  if (segment.marks.length) { box.append(make("p", { class: "id" }, "Wireshark: " + segment.marks.join(", "))); }
  const comments = page.comments[segment.frame] || [];
  comments.forEach((text) => box.append(make("p", { class: "comment" }, say("Comment in the file: {0}", text))));
  return box;
}

function showCard(owner, segment) {
  clearTimeout(cardTimer);
  const c = connection(segment.stream);
  const way = segment.client ? "client" : "server", other = segment.client ? "server" : "client";
  card.replaceChildren(
    make("p", { class: "head" }, make("b", {}, say("frame {0}", segment.frame)), " · " + clock(segment.ns, c.digits) + " · ",
      make("span", { class: "side-" + way }, say(way)), " → ", make("span", { class: "side-" + other }, say(other))),
    explained(segment), headerOf(segment, c));
  card.hidden = false;
  cardOwner = owner;
  owner.setAttribute("aria-describedby", "card");
  placeCard(owner.getBoundingClientRect());
}

// Beside the arrow, so that those before and after it stay in reach; below or above it where there is no room; inside the window.
function placeCard(box) {
  const wide = document.documentElement.clientWidth, high = window.innerHeight, own = card.getBoundingClientRect();
  const within = (value, most) => Math.max(8, Math.min(value, most - 8));
  const right = box.right + 8, left = box.left - own.width - 8;
  if (right + own.width <= wide - 8 || left >= 8) {
    card.style.left = (right + own.width <= wide - 8 ? right : left) + "px";
    card.style.top = within(box.top - 40, high - own.height) + "px";
    return;
  }
  const below = box.bottom + 8, above = box.top - own.height - 8;
  card.style.left = within(box.left + box.width / 2 - own.width / 2, wide - own.width) + "px";
  card.style.top = (below + own.height <= high - 8 || above < 8 ? within(below, high - own.height) : above) + "px";
}

function hideCard(soon) {
  clearTimeout(cardTimer);
  const hide = () => {
    card.hidden = true;
    if (cardOwner) { cardOwner.removeAttribute("aria-describedby"); }
    cardOwner = null;
  };
  // A moment to move the pointer onto the card (WCAG 2.2, 1.4.13: hoverable).
  if (soon) { hide(); } else { cardTimer = setTimeout(hide, 200); }
}
