// The table of connections: sorted by its heads, filtered by outcome, finding and any words.
const list = (() => {
  const table = document.getElementById("connection-table");
  if (!table) { return null; }
  const body = table.tBodies[0], rows = Array.from(body.rows), heads = Array.from(table.tHead.rows[0].cells);
  const words = document.getElementById("filter"), shown = document.getElementById("shown");
  const outcome = document.getElementById("filter-outcome"), finding = document.getElementById("filter-finding");
  const texts = rows.map((row) => row.textContent.toLowerCase().replace(/\s+/g, " "));

  function key(row, column, numeric) {
    const cell = row.cells[column];
    if (!numeric) { return cell.textContent.trim().toLowerCase(); }
    const value = cell.getAttribute("data-v");
    return value === null || value === "" ? null : Number(value);
  }

  function sort(column, descending) {
    const numeric = heads[column].classList.contains("n"), turn = descending ? -1 : 1;
    const keyed = rows.map((row, at) => ({ row, at, key: key(row, column, numeric) }));
    keyed.sort((a, b) => {
      // Unknown stands last, whichever way.
      if (a.key === null || b.key === null) { return a.key === b.key ? a.at - b.at : a.key === null ? 1 : -1; }
      return a.key === b.key ? a.at - b.at : (a.key < b.key ? -1 : 1) * turn;
    });
    body.append(...keyed.map((item) => item.row));
    heads.forEach((head, at) => {
      if (at === column) { head.setAttribute("aria-sort", descending ? "descending" : "ascending"); } else { head.removeAttribute("aria-sort"); }
    });
  }

  function has(row, name, value) {
    return !value || (" " + (row.getAttribute(name) || "") + " ").includes(" " + value + " ");
  }

  function select() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    rows.forEach((row, at) => {
      const fits = has(row, "data-outcome", outcome.value) && has(row, "data-findings", finding.value) && wanted.every((word) => texts[at].includes(word));
      row.hidden = !fits;
      visible += fits ? 1 : 0;
    });
    shown.textContent = say("{0} of {1}", grouped(visible), grouped(rows.length));
  }

  // The filter as it stands in the address, and back.
  function state() {
    const parts = [["outcome", outcome.value], ["finding", finding.value], ["find", words.value.trim()]].filter(([, value]) => value);
    return parts.map(([name, value]) => name + "=" + encodeURIComponent(value)).join("&");
  }

  function restore(wanted) {
    outcome.value = wanted.outcome || "";
    finding.value = wanted.finding || "";
    words.value = wanted.find || wanted.address || "";
    select();
  }

  function start() {
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      // For paper: a browser repeats a table's head on each page, but not the buttons in it.
      head.setAttribute("data-title", head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        sort(column, now ? now === "ascending" : head.classList.contains("n") && column > 0);
      });
    });
    const changed = () => {
      select();
      remember(state());
    };
    [[words, "input"], [outcome, "change"], [finding, "change"]].forEach(([control, kind]) => control.addEventListener(kind, changed));
    words.addEventListener("keydown", (event) => { if (event.key === "Escape") { restore({}); remember(""); } });
    document.getElementById("filter-reset").addEventListener("click", () => { restore({}); remember(""); });
    // What is counted elsewhere in the page leads to the rows that were counted.
    document.querySelectorAll("[data-filter]").forEach((place) => {
      const link = make("a", { href: "#" + place.getAttribute("data-filter") });
      link.append(...place.childNodes);
      place.append(link);
    });
    document.querySelector(".tools").hidden = false;
    select();
  }

  function mark(stream) {
    rows.forEach((row) => row.classList.toggle("meant", row.cells[0].getAttribute("data-v") === String(stream)));
    return rows.find((row) => row.classList.contains("meant"));
  }

  return { start, restore, mark };
})();
