// One connection drawn to the scale of time, between two rails; the range of time that is shown can be changed.
const LADDER = { width: 440, height: 540, top: 26, bottom: 530, left: 136, right: 352 };
// So many arrows can still be told apart; more are drawn as bundles, one for each stretch of BUNDLE pixels and direction.
const MOST_ARROWS = 160, BUNDLE = 7;
// Labels are monospaced, this wide a letter; two lines of them need this much room.
const LETTER = 5.8, LABEL_ROOM = 12;

class TimeLadder {
  constructor(c, choose) {
    this.c = c;
    this.choose = choose;
    // How far away each side is from the capture point, in ns: half of what its answers took in the handshake.
    this.away = c.away || { client: 0, server: 0 };
    this.way = this.away.client + this.away.server;
    const last = c.segments.length ? c.segments[c.segments.length - 1].ns : 0;
    const first = c.segments.length ? Math.min(0, c.segments[0].ns) : 0;
    const room = Math.max((last - first) * 0.04, this.way * 1.5, 1000);
    this.whole = [first - room / 2, last + room];
    this.range = this.whole.slice();
    this.least = 2000;
    this.focused = 0;
    this.build();
    this.render();
  }

  build() {
    const c = this.c, button = (text, name, act) => {
      const one = make("button", { type: "button", "aria-label": name, title: name }, text);
      one.addEventListener("click", act);
      return one;
    };
    this.svg = draw("svg", { class: "time-ladder", viewBox: "0 0 " + LADDER.width + " " + LADDER.height, role: "group",
      "aria-label": say("Connection {0} to the scale of time", c.stream), "aria-describedby": "keys-" + c.stream });
    this.said = make("output", { class: "range", "aria-live": "polite" });
    const bar = make("div", { class: "zoom", role: "toolbar", "aria-label": say("Zoom in time") },
      button("+", say("Zoom in"), () => this.zoom(0.5)), button("−", say("Zoom out"), () => this.zoom(2)),
      button("↑", say("Earlier"), () => this.pan(-0.4)), button("↓", say("Later"), () => this.pan(0.4)),
      button(say("Whole"), say("Show the whole connection"), () => this.show(this.whole)));
    const opening = this.stretch(c.segments.filter((one) => one.flags & 2), 3);
    const closing = this.stretch(c.segments.filter((one) => one.flags & 5), 1);
    if (opening) { bar.append(button(say("Opening"), say("Show the opening"), () => this.show(opening))); }
    if (closing) { bar.append(button(say("Close"), say("Show the close"), () => this.show(closing))); }
    bar.append(this.said);
    const hint = say("Wheel with Ctrl, or after a click into the picture: zoom. Drag: move. Keys: + and − zoom, 0 whole, Page Up and Page Down move, arrows go from segment to segment, Enter selects.");
    const flat = c.away === null ? say("How far away the two sides are is not known: arrows are drawn level.")
      : say("The way itself is not in the capture: each side is taken to be half as far away as its answer in the handshake took (client {0}, server {1}).", lasting(Math.round(this.away.client)), lasting(Math.round(this.away.server)));
    this.element = make("figure", { class: "in-time" }, make("figcaption", {}, say("To the scale of time")), bar, make("div", { class: "drawing" }, this.svg),
      make("p", { class: "note", id: "keys-" + c.stream }, hint + " " + flat));
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("pointerdown", (event) => this.grab(event));
  }

  // The time that some segments and `more` after them take, with a margin; null where that is nearly everything.
  stretch(some, more) {
    if (!some.length) { return null; }
    const end = this.c.segments[Math.min(some[some.length - 1].n + more - 1, this.c.segments.length - 1)].ns, start = some[0].ns;
    const room = Math.max((end - start) * 0.1, this.way * 1.5, 1000);
    return end - start > 0.9 * (this.whole[1] - this.whole[0]) ? null : [start - room, end + room];
  }

  y(ns) {
    return LADDER.top + (ns - this.range[0]) / (this.range[1] - this.range[0]) * (LADDER.bottom - LADDER.top);
  }

  ns(y) {
    return this.range[0] + (y - LADDER.top) / (LADDER.bottom - LADDER.top) * (this.range[1] - this.range[0]);
  }

  show([from, to]) {
    const most = this.whole[1] - this.whole[0], wide = Math.min(Math.max(to - from, this.least), most);
    const start = Math.min(Math.max(from, this.whole[0]), this.whole[1] - wide);
    this.range = [start, start + wide];
    this.render();
  }

  zoom(factor, around) {
    const [from, to] = this.range, middle = around === undefined ? (from + to) / 2 : around;
    this.show([middle - (middle - from) * factor, middle + (to - middle) * factor]);
  }

  pan(share) {
    const step = share * (this.range[1] - this.range[0]);
    this.show([this.range[0] + step, this.range[1] + step]);
  }

  wheel(event) {
    // The page's own scrolling is left alone until the reader shows that this picture is meant.
    if (!event.ctrlKey && !this.svg.contains(document.activeElement)) { return; }
    event.preventDefault();
    const box = this.svg.getBoundingClientRect();
    this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.ns((event.clientY - box.top) / box.height * LADDER.height));
  }

  grab(event) {
    if (event.pointerType === "touch" || event.button) { return; }
    const box = this.svg.getBoundingClientRect(), start = event.clientY, range = this.range.slice();
    const move = (at) => {
      const step = (start - at.clientY) / box.height * LADDER.height / (LADDER.bottom - LADDER.top) * (range[1] - range[0]);
      if (Math.abs(at.clientY - start) > 3) { this.show([range[0] + step, range[1] + step]); }
    };
    const drop = () => { document.removeEventListener("pointermove", move); document.removeEventListener("pointerup", drop); };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", drop);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) { return; }
    const acts = {
      "+": () => this.zoom(0.5, this.middle()), "=": () => this.zoom(0.5, this.middle()), "-": () => this.zoom(2, this.middle()),
      "0": () => this.show(this.whole), PageUp: () => this.pan(-0.4), PageDown: () => this.pan(0.4),
      ArrowDown: () => this.focus(this.focused + 1), ArrowUp: () => this.focus(this.focused - 1),
      Home: () => this.focus(0), End: () => this.focus(this.c.segments.length - 1),
    };
    if (acts[event.key]) {
      event.preventDefault();
      acts[event.key]();
    }
  }

  middle() {
    const segment = this.c.segments[this.focused], inside = segment && segment.ns >= this.range[0] && segment.ns <= this.range[1];
    return inside && this.svg.contains(document.activeElement) ? segment.ns : undefined;
  }

  // Focus segment number n; time moves, and stretches where it is in a bundle, until it has an arrow of its own.
  focus(n) {
    if (n < 0 || n >= this.c.segments.length) { return; }
    this.reveal(n);
    const arrow = this.arrowOf(n);
    if (arrow) { arrow.focus(); }
  }

  reveal(n) {
    this.focused = n;
    const ns = this.c.segments[n].ns, wide = this.range[1] - this.range[0];
    if (ns < this.range[0] || ns > this.range[1]) { this.show([ns - wide / 2, ns + wide / 2]); } else { this.render(); }
    for (let tries = 0; tries < 40 && !this.arrowOf(n) && this.range[1] - this.range[0] > this.least; tries += 1) { this.zoom(0.6, ns); }
  }

  arrowOf(n) {
    return this.svg.querySelector('.arrow[data-n="' + n + '"]');
  }

  render() {
    const { c, svg } = this, focusedHere = svg.contains(document.activeElement);
    const seen = c.segments.filter((one) => one.ns + this.way >= this.range[0] && one.ns - this.way <= this.range[1]);
    svg.replaceChildren(...this.frame(), ...this.bands("client", 0), ...this.bands("server", 1), ...this.ticks(), ...this.arrows(seen));
    if (focusedHere) {
      const arrow = this.arrowOf(this.focused) || svg.querySelector(".arrow");
      if (arrow) { arrow.focus({ preventScroll: true }); }
    }
    const stop = this.arrowOf(this.focused) || svg.querySelector(".arrow");
    if (stop) { stop.setAttribute("tabindex", "0"); }
    const inside = seen.filter((one) => one.ns >= this.range[0] && one.ns <= this.range[1]).length;
    this.said.textContent = say("{0} of {1} segments, {2}", grouped(inside), grouped(c.total), lasting(Math.round(this.range[1] - this.range[0])));
  }

  frame() {
    const { left, right, top, bottom, width } = LADDER;
    return [draw("rect", { class: "ground", x: 0, y: 0, width, height: LADDER.height }),
      draw("text", { class: "role client", x: left, y: 14, "text-anchor": "middle" }, say("client")),
      draw("text", { class: "role server", x: right, y: 14, "text-anchor": "middle" }, say("server")),
      ...[left, right].map((x) => draw("line", { class: "rail", x1: x, x2: x, y1: top, y2: bottom }))];
  }

  bands(side, at) {
    const steps = this.c.steps.filter((step) => step.side === side), x = at ? LADDER.right : LADDER.left, out = [];
    // A step that no frame shows lies just before the next one that a frame shows.
    const own = this.away[side], moment = (step) => step.ns + (step.event.startsWith("RCV") ? own : -own);
    const times = steps.map((step, n) => (step.ns !== null ? step : steps.slice(n).find((one) => one.ns !== null))).map((step) => (step ? moment(step) : null));
    let free = LADDER.top;
    steps.forEach((step, n) => {
      const start = times[n] === null ? this.range[1] : times[n], end = n + 1 < steps.length && times[n + 1] !== null ? times[n + 1] : this.whole[1];
      const top = Math.max(LADDER.top, this.y(start)), bottom = Math.min(LADDER.bottom, this.y(end));
      if (bottom <= top) { return; }
      const band = draw("g", { class: "band " + side + " st-" + step.to.toLowerCase() + " ev-" + step.evidence },
        draw("title", {}, say(side) + ": " + step.to + ", " + say(step.evidence)),
        draw("rect", { x: x - 4, y: top, width: 8, height: bottom - top }));
      const y = Math.max(top + 10, free);
      if (y + 2 <= Math.max(bottom, top + 12) && y <= LADDER.bottom) {
        band.append(draw("text", { x: at ? x + 9 : x - 9, y, "text-anchor": at ? "start" : "end" }, step.to));
        free = y + 12;
      }
      out.push(band);
    });
    return out;
  }

  ticks() {
    const wide = this.range[1] - this.range[0], rough = wide / 7, power = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map((n) => n * power).find((one) => one >= rough), out = [];
    for (let ns = Math.ceil(this.range[0] / step) * step; ns <= this.range[1]; ns += step) {
      const y = this.y(ns);
      if (y > LADDER.top + 4) {
        out.push(draw("path", { class: "tick", d: "M0 " + y.toFixed(1) + "h6" }), draw("text", { class: "time", x: 9, y: (y + 3).toFixed(1) }, lasting(Math.round(ns))));
      }
    }
    return out;
  }

  arrows(seen) {
    const bundles = [], open = {};
    for (const segment of seen) {
      const y = this.y(segment.ns), weighty = segment.flags & 7 || segment.marks.length || segment.steps.length;
      const near = open[segment.client];
      if (seen.length > MOST_ARROWS && near && y - near.y < BUNDLE && (!weighty || seen.length > 4 * MOST_ARROWS)) {
        near.segments.push(segment);
      } else {
        const bundle = { y, segments: [segment] };
        bundles.push(bundle);
        open[segment.client] = bundle;
      }
    }
    const named = [];
    const drawn = bundles.map((bundle) => this.arrow(bundle, named));
    // Bundles below single arrows, the chosen one above them, labels last: no line is drawn over them.
    const level = (arrow) => (arrow.hasAttribute("aria-current") ? 2 : arrow.hasAttribute("data-frame") ? 1 : 0);
    return [...[0, 1, 2].flatMap((n) => drawn.filter((arrow) => level(arrow) === n)), ...named.map((one) => one.label)];
  }

  // The label of an arrow, where it meets none of those before it; slanted labels of both directions approach one another.
  label(text, client, y1, fall, turned, named) {
    const share = text.length * LETTER / (LADDER.right - LADDER.left), own = { client, top: y1 - LABEL_ROOM, end: y1 + fall * share };
    const meets = (other) => (other.client === client ? Math.abs(other.top - own.top) < LABEL_ROOM : own.top < other.end && other.top < own.end);
    if (share > 0.97 || y1 < LADDER.top || own.end > LADDER.bottom || named.slice(-12).some(meets)) { return; }
    const x = client ? LADDER.left + 5 : LADDER.right - 5, angle = "rotate(" + turned.toFixed(2) + " " + x + " " + y1.toFixed(1) + ")";
    own.label = draw("text", { class: "label", "aria-hidden": "true", x: x + (client ? 6 : -6), y: (y1 - 3).toFixed(1), "text-anchor": client ? "start" : "end", transform: angle }, text);
    named.push(own);
  }

  arrow(bundle, named) {
    const segment = bundle.segments[0], many = bundle.segments.length > 1, { left, right } = LADDER;
    const [x1, x2] = segment.client ? [left + 5, right - 5] : [right - 5, left + 5];
    const own = this.away[segment.client ? "client" : "server"];
    const y1 = this.y(segment.ns - own), y2 = this.y(segment.ns - own + this.way);
    const angle = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI, turned = Math.atan2(y2 - y1, Math.abs(x2 - x1)) * 180 / Math.PI * (segment.client ? 1 : -1);
    const octets = bundle.segments.reduce((sum, one) => sum + one.length, 0);
    const label = many ? say("{0} segments, {1} octets", bundle.segments.length, grouped(octets)) : labelOf(segment);
    const line = { x1, y1: y1.toFixed(1), x2, y2: y2.toFixed(1) };
    const group = draw("g", { class: "arrow " + (segment.client ? "client" : "server") + " k-" + (many ? "fold" : kindOf(segment)), role: "button",
      tabindex: "-1", "aria-label": label, "data-n": many ? null : segment.n, "data-frame": many ? null : segment.frame },
    draw("line", { class: "hit", ...line }), draw("line", line),
    draw("path", { class: "head", transform: "translate(" + x2 + " " + y2.toFixed(1) + ") rotate(" + angle.toFixed(1) + ")", d: "M1 0l-9 -4.5v9z" }));
    const whole = flagsOf(segment.flags) + " " + numbersOf(segment), short = flagsOf(segment.flags) + " len=" + segment.length;
    const text = many ? label : whole.length * LETTER < 0.95 * (right - left) ? whole : short;
    this.label(text, segment.client, y1, y2 - y1, turned, named);
    if (many) {
      group.append(draw("title", {}, label));
      const open = () => this.show([segment.ns - 1000, bundle.segments[bundle.segments.length - 1].ns + Math.max(1000, this.way)]);
      group.addEventListener("click", open);
      group.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } });
    } else {
      group.addEventListener("focus", () => { this.focused = segment.n; });
      if (this.selected === segment.frame) { group.setAttribute("aria-current", "true"); }
    }
    return group;
  }
}
