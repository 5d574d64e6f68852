// The page's data (report/page_data.py) read back: one object a connection, one a segment, made when first asked for.
const page = JSON.parse(document.getElementById("data").textContent);
const FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
// SYN first, as people say it.
const FLAG_ORDER = [1, 0, 2, 3, 5, 4, 6, 7, 8];

function say(key, ...values) {
  const text = page.words[key] || key;
  return text.replace(/\{(\d)\}/g, (whole, n) => (n in values ? values[n] : whole));
}

function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

// A duration in ns in the unit that suits it, three digits that count.
function lasting(ns) {
  if (ns < 0) { return "−" + lasting(-ns); }
  for (const [size, unit] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) {
    const value = ns / size;
    if (value >= 0.9995) { return (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))) + " " + unit; }
  }
  return ns ? ns + " ns" : "0 s";
}

// A time since the start with so many digits after the second.
function clock(ns, digits) {
  return (ns < 0 ? "−" : "+") + Math.floor(Math.abs(ns) / 1e9) + "." + String(Math.round(Math.abs(ns) % 1e9)).padStart(9, "0").slice(0, digits) + " s";
}

function flagsOf(bits) {
  return FLAG_ORDER.filter((n) => bits >> n & 1).map((n) => FLAG_NAMES[n]).join(", ") || say("no flags");
}

const unpacked = new Map();

function connection(stream) {
  if (!unpacked.has(stream)) { unpacked.set(stream, page.streams[stream] ? unpack(stream, page.streams[stream]) : null); }
  return unpacked.get(stream);
}

function summed(column) {
  let sum = 0;
  return column.map((step) => sum += step);
}

function unpack(stream, d) {
  const at = (column, n) => (Array.isArray(column) ? column[n] : column);
  const frames = summed(d.f), times = summed(d.n), places = d.i ? summed(d.i) : null;
  const raw = (relative, base) => (relative === null || base === null ? null : (relative + base) % 4294967296);
  const segments = frames.map((frame, n) => {
    const k = at(d.k, n), client = k >> 9 & 1, flags = k & 511, x = at(d.x, n), seq = at(d.q, n), ack = at(d.a, n);
    const factor = flags & 2 ? 1 : d.h[1 - client], window = at(d.w, n), stamp = at(d.v, n), echo = at(d.e, n);
    return {
      stream, n, frame, client: Boolean(client), flags, reserved: k >> 10, ns: times[n] * d.u,
      skipped: places ? places[n] - (n ? places[n - 1] + 1 : 0) : 0,
      seq, ack, seqRaw: raw(seq, d.b[1 - client]), ackRaw: raw(ack, d.b[client]), length: at(d.l, n),
      windowRaw: window, window: factor === null ? null : window * factor, factor,
      marks: page.marks.filter((name, bit) => at(d.m, n) >> bit & 1),
      checksum: x >> 2, checksumStatus: page.checksums[x & 3], urgent: at(d.g, n), offset: at(d.z, n),
      options: page.lines[at(d.p, n)].replace("TS", () => "TS val " + ((d.v0[1 - client] || 0) + stamp) + " ecr " + ((d.v0[client] || 0) + echo)),
      sentence: page.lines[at(d.y, n)], details: ((d.d && d.d[n]) || []).map((line) => page.lines[line]), steps: [],
    };
  });
  const last = { 0: null, 1: null };
  const steps = d.t.map(([side, place, to, event, evidence, rule, frame, ns]) => {
    const segment = place === null ? null : segments[place];
    const step = {
      side: side ? "server" : "client", from: last[side] || "CLOSED", to: page.states[to], event: page.events[event],
      evidence: page.evidence[evidence], rule: page.lines[rule],
      frame: segment ? segment.frame : frame === undefined ? null : frame, ns: segment ? segment.ns : ns === undefined ? null : ns,
    };
    last[side] = step.to;
    if (segment) { segment.steps.push(step); }
    return step;
  });
  return {
    stream, client: d.c, server: d.s, outcome: page.lines[d.o], segments, steps, digits: d.u === 1 ? 9 : 6, away: d.r ? { client: d.r[0] / 2, server: d.r[1] / 2 } : null,
    total: d.of === undefined ? segments.length : d.of, explained: !d.j, byFrame: new Map(segments.map((segment) => [segment.frame, segment])),
  };
}

let frames = null;

// The stream of a frame, undefined for one that the page does not carry.
function streamOf(frame) {
  if (!frames) {
    frames = new Map();
    for (const stream of Object.keys(page.streams)) { summed(page.streams[stream].f).forEach((one) => frames.set(one, Number(stream))); }
  }
  return frames.get(frame);
}

// What kind of arrow a segment is, as in the drawn pictures.
function kindOf(segment) {
  if (segment.flags & 4) { return "reset"; }
  if (segment.marks.includes("retransmission")) { return "retransmission"; }
  if (segment.marks.includes("out_of_order")) { return "out_of_order"; }
  if (segment.flags & 2) { return "syn"; }
  if (segment.flags & 1) { return "fin"; }
  return segment.length ? "data" : "control";
}

function numbersOf(segment) {
  return "seq=" + (segment.seq === null ? "?" : segment.seq) + (segment.ack === null ? "" : " ack=" + segment.ack) + " len=" + segment.length;
}

function labelOf(segment) {
  return say("frame {0}", segment.frame) + ", " + say(segment.client ? "client" : "server") + ": " + flagsOf(segment.flags) + " " +
    numbersOf(segment) + ". " + segment.sentence;
}

const SVG = "http://www.w3.org/2000/svg";

function make(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function draw(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const name of Object.keys(attributes || {})) {
    if (attributes[name] !== null && attributes[name] !== undefined) { element.setAttribute(name, attributes[name]); }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
