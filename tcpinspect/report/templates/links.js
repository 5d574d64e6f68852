// What the address after # asks for: #stream=7, #frame=123, or a filter of the table (#finding=TI-LOSS-01&find=10.0.0.1).
const told = document.getElementById("told");

function remember(hash) {
  history.replaceState(null, "", hash ? "#" + hash : "#connections");
}

function go(hash, seen) {
  hideCard(true);
  remember(hash);
  follow(seen);
}

function follow(seen) {
  const wanted = {};
  for (const part of location.hash.slice(1).split("&")) {
    const at = part.indexOf("=");
    if (at > 0) { wanted[part.slice(0, at)] = decoded(part.slice(at + 1)); }
  }
  told.textContent = "";
  const number = (name) => (/^\d{1,15}$/.test(wanted[name] || "") ? Number(wanted[name]) : null);
  if (number("frame") !== null) {
    if (!choose(number("frame"), seen || "row")) { told.textContent = say("Frame {0} is not in this page: tcpinspect why FILE --frame {0}", number("frame")); }
  } else if (number("stream") !== null) {
    openStream(number("stream"));
  } else if (list && (wanted.outcome || wanted.finding || wanted.find || wanted.address)) {
    list.restore(wanted);
    document.getElementById("connections").scrollIntoView();
  }
}

function openStream(stream) {
  const section = article(stream), row = list && list.mark(stream);
  if (section) {
    const one = explorer(stream);
    // A section made just now has nothing else to show.
    if (one && !section.querySelector("svg.ladder")) { one.box.open = true; }
    section.scrollIntoView();
    section.setAttribute("tabindex", "-1");
    section.focus({ preventScroll: true });
  } else {
    told.textContent = say("The segments of connection {0} are not in this page: tcpinspect show FILE --stream {0}", stream);
    if (row) { row.scrollIntoView({ block: "center" }); }
  }
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch (error) { return text; }
}

document.body.append(card);
document.querySelectorAll("details.explore").forEach((details) => {
  details.hidden = !connection(Number(details.id.slice(8)));
  watch(details);
});
document.querySelectorAll(".story svg.ladder").forEach(enliven);
listenToArrows();
document.querySelectorAll(".script-only").forEach((one) => { one.hidden = false; });
if (list) { list.start(); }
window.addEventListener("hashchange", () => follow());
if (location.hash.includes("=")) { follow(); }

// On paper nothing can be unfolded: small tables are, for as long as it prints; what fills pages only if the reader did it.
let folded = [];
window.addEventListener("beforeprint", () => {
  hideCard(true);
  folded = Array.from(document.querySelectorAll("details:not([open]):not(.explore):not(.whole)"));
  folded.forEach((one) => { one.open = true; });
});
window.addEventListener("afterprint", () => folded.forEach((one) => { one.open = false; }));
