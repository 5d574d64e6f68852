// All segments of one connection: to the scale of time, and as a table. Made when it is first opened; both show the same choice.
const explorers = new Map();
const PICKED = "{0} of {1} segments: the first, the last, and those that say something. The others are not in this page.";
const PICKED_BY_MARKS = "{0} of {1} segments: the first, the last, those that change a state, and over the whole length some that Wireshark marks. Why each was sent is not worked out for so long a connection: tcpinspect why FILE --frame N tells it.";

function explorer(stream) {
  const box = document.getElementById("explore-" + stream), c = connection(stream);
  if (!box || !c) { return null; }
  if (!explorers.has(stream)) {
    const ladder = new TimeLadder(c), table = segmentTable(c);
    box.querySelector(".explored").replaceChildren(ladder.element, table.element);
    explorers.set(stream, { box, c, ladder, table });
  }
  return explorers.get(stream);
}

function segmentTable(c) {
  const heads = [["Frame", "n"], ["Time, s", "n"], ["From", ""], ["Flags", ""], ["Seq", "n"], ["Ack", "n"], ["Octets", "n"], ["Window", "n"], ["What it is", ""]];
  const body = make("tbody", {}), id = "segments-" + c.stream, rows = new Map();
  for (const segment of c.segments) {
    if (segment.skipped) { body.append(skipped(segment.skipped, heads.length)); }
    const way = segment.client ? "client" : "server";
    const link = make("a", { href: "#frame=" + segment.frame, tabindex: rows.size ? "-1" : "0", "aria-label": say("frame {0}", segment.frame) }, String(segment.frame));
    const row = make("tr", { class: "k-" + kindOf(segment), "data-row": segment.frame },
      make("td", { class: "n" }, link), make("td", { class: "n" }, clock(segment.ns, 6).slice(0, -2)), make("td", { class: "side-" + way }, say(way)),
      make("td", {}, flagsOf(segment.flags)), make("td", { class: "n" }, segment.seq === null ? "–" : grouped(segment.seq)),
      make("td", { class: "n" }, segment.ack === null ? "–" : grouped(segment.ack)), make("td", { class: "n" }, grouped(segment.length)),
      make("td", { class: "n" }, segment.window === null ? "–" : grouped(segment.window)), make("td", { class: "wide" }, make("span", {}, segment.sentence)));
    rows.set(segment.frame, row);
    body.append(row);
  }
  const left = c.total - c.segments.length - c.segments.reduce((sum, one) => sum + one.skipped, 0);
  if (left > 0) { body.append(skipped(left, heads.length)); }
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], frames = Array.from(rows.keys());
    const to = frames[frames.indexOf(Number(event.target.closest("[data-row]").getAttribute("data-row"))) + step];
    if (step && rows.has(to)) {
      event.preventDefault();
      rows.get(to).querySelector("a").focus();
    }
  });
  const title = make("caption", {}, c.segments.length < c.total
    ? say(c.explained ? PICKED : PICKED_BY_MARKS, grouped(c.segments.length), grouped(c.total))
    : say("All {0} segments", grouped(c.total)));
  const table = make("table", { id, class: "segments" }, title,
    make("thead", {}, make("tr", {}, ...heads.map(([name, kind]) => make("th", { scope: "col", class: kind || null }, say(name))))), body);
  const element = make("div", { class: "scroll tall", role: "region", tabindex: "0", "aria-label": say("Segments of connection {0}", c.stream) }, table);
  return { element, rows };
}

function skipped(many, wide) {
  return make("tr", { class: "skipped" }, make("td", { colspan: wide }, say("{0} segments left out", grouped(many))));
}

// Choose a segment: its row and its arrows are marked, and whatever `seen` names (row, arrow) is brought into sight.
function choose(frame, seen) {
  const stream = streamOf(frame);
  if (stream === undefined || !article(stream)) { return false; }
  const one = explorer(stream), segment = one.c.byFrame.get(frame);
  one.box.open = true;
  document.querySelectorAll('[aria-current="true"]').forEach((old) => old.removeAttribute("aria-current"));
  one.ladder.selected = frame;
  one.ladder.reveal(segment.n);
  const row = one.table.rows.get(frame);
  row.setAttribute("aria-current", "true");
  one.table.element.querySelectorAll('a[tabindex="0"]').forEach((link) => link.setAttribute("tabindex", "-1"));
  row.querySelector("a").setAttribute("tabindex", "0");
  const arrows = drawnArrows(stream, frame);
  arrows.forEach((arrow) => arrow.setAttribute("aria-current", "true"));
  const inTime = one.ladder.arrowOf(segment.n);
  if (inTime) { inTime.setAttribute("aria-current", "true"); }
  // Inside its own box first, so that the page moves as little as it can.
  const list = one.table.element;
  list.scrollTop += row.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 2;
  if (seen) { (seen === "row" ? list : one.ladder.element).scrollIntoView({ block: "nearest" }); }
  return true;
}

// The arrows of the pictures drawn in advance that stand for a frame, folds included.
function drawnArrows(stream, frame) {
  const story = document.getElementById("stream-" + stream);
  return Array.from(story.querySelectorAll("svg.ladder .arrow[data-frame]")).filter((arrow) =>
    Number(arrow.getAttribute("data-frame")) <= frame && frame <= Number(arrow.getAttribute("data-last") || arrow.getAttribute("data-frame")));
}

// The section of a connection: the one that is in the page, or a new one, in its place by number. Null for one without data.
function article(stream) {
  const known = document.getElementById("stream-" + stream), c = connection(stream);
  if (known || !c) { return known; }
  const id = "stream-" + stream + "-title";
  const made = make("article", { class: "story", id: "stream-" + stream, "aria-labelledby": id },
    make("h3", { id }, make("span", { class: "num" }, "#" + stream), " ", make("span", { class: "ends" }, c.client + " → " + c.server)),
    make("p", { class: "badges" }, make("span", { class: "badge" }, c.outcome)),
    make("details", { class: "explore", id: "explore-" + stream }, make("summary", {}, say("Every segment: in time and as a table")), make("div", { class: "explored" })),
    make("p", { class: "up" }, make("a", { href: "#connections" }, say("all connections ↑"))));
  const later = Array.from(document.querySelectorAll("#stories .story")).find((story) => Number(story.id.slice(7)) > stream);
  document.getElementById("stories").insertBefore(made, later || null);
  watch(made.querySelector("details"));
  return made;
}

function watch(details) {
  details.addEventListener("toggle", () => { if (details.open) { explorer(Number(details.id.slice(8))); } });
}

// The pictures drawn in advance answer to pointer and keyboard as the others do.
function enliven(svg) {
  const arrows = Array.from(svg.querySelectorAll(".arrow[data-frame]")), stream = Number(svg.closest(".story").id.slice(7)), c = connection(stream);
  if (!c || !arrows.length) { return; }
  svg.setAttribute("role", "group");
  arrows.forEach((arrow, n) => {
    const title = arrow.querySelector("title"), segment = c.byFrame.get(Number(arrow.getAttribute("data-frame")));
    arrow.setAttribute("role", "button");
    arrow.setAttribute("tabindex", n ? "-1" : "0");
    arrow.setAttribute("aria-label", segment && !arrow.hasAttribute("data-last") ? labelOf(segment) : title.textContent);
    if (segment) { title.remove(); }
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], now = arrows.indexOf(event.target);
    const to = event.key === "Home" ? arrows[0] : event.key === "End" ? arrows[arrows.length - 1] : arrows[now + step];
    if (to && now >= 0) {
      event.preventDefault();
      arrows[now].setAttribute("tabindex", "-1");
      to.setAttribute("tabindex", "0");
      to.focus();
    }
  });
}

function arrowUnder(event) {
  const arrow = event.target.closest ? event.target.closest(".arrow[data-frame]") : null;
  if (!arrow) { return null; }
  const frame = Number(arrow.getAttribute("data-frame")), stream = streamOf(frame);
  return stream === undefined ? null : { arrow, frame, segment: connection(stream).byFrame.get(frame) };
}

function listenToArrows() {
  const enter = (event) => {
    const found = arrowUnder(event);
    if (found) { showCard(found.arrow, found.segment); } else if (event.target.closest && event.target.closest("#card")) { clearTimeout(cardTimer); }
  };
  const leave = (event) => { if (!card.hidden && (arrowUnder(event) || event.target.closest("#card"))) { hideCard(false); } };
  document.addEventListener("pointerover", enter);
  document.addEventListener("focusin", enter);
  document.addEventListener("pointerout", leave);
  document.addEventListener("focusout", leave);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { hideCard(true); }
    if (event.key !== "Enter" && event.key !== " ") { return; }
    const found = arrowUnder(event);
    if (found) {
      event.preventDefault();
      go("frame=" + found.frame, "row");
    }
  });
  document.addEventListener("click", (event) => {
    const found = arrowUnder(event), row = event.target.closest ? event.target.closest("tr[data-row]") : null;
    if (found) { go("frame=" + found.frame, "row"); } else if (row) {
      event.preventDefault();
      go("frame=" + row.getAttribute("data-row"), "arrow");
    }
  });
}
