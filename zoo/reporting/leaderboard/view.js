// What a reader sees and presses: choices, the table page by page, one entry's details.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("board").textContent);
  data.rows.forEach((row, place) => { row.place = place; });
  const $ = (id) => document.getElementById(id);
  const PAGE = 100;
  const HUES = 6;
  const columns = board.columnsOf(data);
  const protocols = [...new Set(data.rows.map((row) => row.protocol))];
  const sortKey = { G: "G", S: "S" }[data.sort] ?? columns.find((c) => c.title === data.sort && c.kind === "mean")?.key ?? "G";
  // in the order of a lineage, as the report colours them: what stands nearer to a root comes first
  const depth = (row, seen = new Set()) => {
    const above = row.above.filter((place) => !seen.has(place));
    return above.length ? 1 + Math.min(...above.map((place) => depth(data.rows[place], new Set([...seen, row.place])))) : 0;
  };
  const nearest = new Map();
  for (const row of data.rows) nearest.set(row.regime, Math.min(nearest.get(row.regime) ?? Infinity, row.parents.length && !row.above.length ? Infinity : depth(row)));
  const regimes = [...nearest.keys()].sort((one, two) => nearest.get(one) - nearest.get(two) || (one < two ? -1 : 1));
  const colours = new Map(regimes.map((regime, n) => [regime, `hue${Math.min(n, HUES)}`]));
  const counts = new Map(protocols.map((p) => [p, data.rows.filter((row) => row.protocol === p && row.rank).length]));
  const state = {
    search: "", protocol: protocols[protocols.length - 1], view: "ranking", by: sortKey, ascending: false,
    page: 0, complete: false, better: false, sorted: { G: 0, S: 1 }[data.sort] ?? -1, min: null, max: null,
    regime: "", family: "", licence: "", source: "", open: new Set(),
  };

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  // ------------------------------------------------------------------ choices

  function pills(box, name, options, wanted) {
    box.replaceChildren(...options.map(([value, label]) => {
      const input = element("input", { type: "radio", name, value, id: `${name}-${value}` });
      input.checked = value === wanted;
      input.addEventListener("change", () => change({ [name]: value }));
      return element("label", { for: input.id }, input, element("span", {}, label));
    }));
  }

  function filter(name, title) {
    const values = [...new Set(data.rows.map((row) => row[name]))].filter(Boolean).sort();
    if (values.length < 2) return null;
    const select = element("select", { id: `filter-${name}` }, element("option", { value: "" }, "all"));
    select.append(...values.map((value) => element("option", { value }, value)));
    select.addEventListener("change", () => change({ [name]: select.value }));
    return element("label", {}, title, select);
  }

  function tick(name, title, id) {
    const input = element("input", { type: "checkbox", id });
    input.addEventListener("change", () => change({ [name]: input.checked }));
    return element("label", { class: "tick" }, input, title);
  }

  function sizes(name, title) {
    if (data.rows.every((row) => row.size === null)) return null;
    const input = element("input", { id: `filter-${name}`, placeholder: "7B", size: "6" });
    input.addEventListener("input", () => {
      const value = board.parameters(input.value);
      input.setAttribute("aria-invalid", String(Boolean(input.value.trim()) && value === null));
      change({ [name]: value });
    });
    return element("label", {}, title, input);
  }

  function buildChoices() {
    $("search").addEventListener("input", (event) => change({ search: event.target.value }));
    $("choices").addEventListener("submit", (event) => event.preventDefault());
    pills($("protocols"), "protocol", protocols.map((p) => [p, p]), state.protocol);
    pills($("views"), "view", [["ranking", "ranking"], ["lineage", "lineage"]], state.view);
    $("filters").append(...[
      filter("regime", "Regime"), filter("family", "Family"), filter("licence", "Licence"),
      filter("source", "Source"), sizes("min", "From size"), sizes("max", "to size"),
      tick("complete", "complete only", "filter-complete"),
      tick("better", "significantly better than a parent", "filter-better"),
    ].filter(Boolean));
    const groups = new Map();
    for (const column of columns) groups.set(column.group, [...(groups.get(column.group) ?? []), column]);
    for (const [group, own] of groups) {
      const all = element("button", { type: "button" }, "all / none");
      all.setAttribute("aria-label", `${group}: all or none`);
      const box = element("fieldset", {}, element("legend", {}, group, " ", all));
      const inputs = own.map((column) => {
        const input = element("input", { type: "checkbox", id: `column-${column.key}` });
        input.checked = Boolean(column.on);
        input.addEventListener("change", () => { column.on = input.checked; drawTable(); });
        box.append(element("label", { class: "tick" }, input, column.title));
        return input;
      });
      all.addEventListener("click", () => {
        const on = own.some((column) => !column.on);
        own.forEach((column, n) => { column.on = inputs[n].checked = on; });
        drawTable();
      });
      $("columns").append(box);
    }
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") document.querySelectorAll("details.drop[open]").forEach((each) => { each.open = false; });
    });
  }

  function change(what) {
    Object.assign(state, what, { page: 0 });
    show();
  }

  // ------------------------------------------------------------------ the table

  function mean(value) {
    if (!value) return [board.UNKNOWN];
    const [middle, low, high] = value;
    if (low === null) return [board.points(middle)];
    const [below, above] = [middle - low, high - middle];
    const said = Math.abs(below - above) < 0.001
      ? `±${board.points((below + above) / 2)}` : `[${board.points(low)}, ${board.points(high)}]`;
    return [board.points(middle), " ", element("span", { class: "interval" }, said)];
  }

  function changes(row, at) {
    return row.deltas.flatMap((delta, n) => {
      const shift = delta.changes[at];
      if (!shift) return [];
      const sure = delta.sure && at === state.sorted;
      const text = (delta.paired ? "" : "≈") + board.signed(shift[0]);
      const number = sure ? element("b", {}, text) : element("span", {}, text);
      const ends = shift[1] === null ? "" : ` [${board.signed(shift[1])}, ${board.signed(shift[2])}]`;
      number.title = `against ${delta.parent}${ends}${delta.paired ? ", on the same items" : ", not on the same items"}${sure ? ", significant" : ""}`;
      // only a change whose interval leaves zero out has a direction
      number.className = shift[1] > 0 ? "gain" : shift[2] !== null && shift[2] < 0 ? "loss" : "";
      return [...(n ? [" / "] : []), number, ...(sure ? [element("span", { class: "hidden" }, " significant")] : [])];
    });
  }

  // The ranks an entry may have, as a bar among all.
  function rank(row) {
    if (!row.rank) return [element("abbr", { title: row.gap }, board.UNKNOWN)];
    const [low, high] = row.rank, all = counts.get(row.protocol);
    const unit = 64 / all;
    const bar = plane.shape("svg", { class: "bar", width: 64, height: 8, "aria-hidden": "true" },
      plane.shape("rect", { class: "track", x: 0, y: 3, width: 64, height: 2 }),
      plane.shape("rect", { class: "reach", x: (low - 1) * unit, y: 1, width: Math.max((high - low + 1) * unit, 2), height: 6, rx: 2 }));
    return [element("span", { class: "ranks" }, low === high ? String(low) : `${low}–${high}`), bar];
  }

  function cell(row, column) {
    const made = element("td");
    switch (column.kind) {
      case "mean": made.append(...mean(row.means[column.at])); break;
      case "change": made.append(...changes(row, column.at)); break;
      case "score": made.append(board.points(row.scores[column.at])); break;
      case "size": made.append(board.size(row.size)); break;
      case "text":
        made.className = "left";
        if (column.key === "regime") made.append(element("span", { class: `dot ${colours.get(row.regime)}`, "aria-hidden": "true" }));
        made.append(row[column.key]);
        break;
      default: made.append(...rank(row));
    }
    return made;
  }

  function details(row, width) {
    const list = element("dl");
    const said = { ...(row.gap ? { incomplete: row.gap } : {}), parents: row.parents.join(", "), source: row.source, ...row.identity };
    for (const [name, value] of Object.entries(said)) {
      if (value) list.append(element("dt", {}, name), element("dd", {}, value));
    }
    for (const delta of row.deltas) {
      const said = ["G", "S"].map((letter, at) => {
        const shift = delta.changes[at];
        return shift && `Δ${letter} ${board.signed(shift[0])}${shift[1] === null ? "" : ` [${board.signed(shift[1])}, ${board.signed(shift[2])}]`}`;
      }).filter(Boolean).join(", ");
      list.append(element("dt", {}, `against ${delta.parent}`), element("dd", {}, `${said}${delta.paired ? ", on the same items" : ", not on the same items"}`));
    }
    return element("tr", { class: "details", id: `details-${row.place}` }, element("td", { colspan: width, class: "left" }, list));
  }

  function line(row, depth, shown) {
    const name = element("button", { type: "button", class: "model", "aria-expanded": String(state.open.has(row.place)) }, row.model);
    if (state.open.has(row.place)) name.setAttribute("aria-controls", `details-${row.place}`);
    name.addEventListener("click", () => toggle(row));
    const head = element("th", { scope: "row", class: `stub depth-${Math.min(depth, 5)}` }, ...(depth ? ["└ "] : []), name);
    if (row.apart) head.append(" ", element("span", { class: "soft" }, row.apart));
    if (row.gap) head.append(" ", element("span", { class: "soft gap", title: row.gap }, "incomplete"));
    const made = element("tr", { "data-place": row.place, ...(row.gap ? { class: "incomplete" } : {}) }, head, ...shown.map((column) => cell(row, column)));
    return state.open.has(row.place) ? [made, details(row, shown.length + 1)] : [made];
  }

  function toggle(row) {
    if (!state.open.delete(row.place)) state.open.add(row.place);
    drawTable();
    document.querySelector(`tr[data-place="${row.place}"] .model`)?.focus();
  }

  function heading(column) {
    const by = state.view === "ranking" && column.key === state.by;
    const button = element("button", { type: "button" }, column.title, element("span", { "aria-hidden": "true" }, by ? (state.ascending ? " ↑" : " ↓") : ""));
    button.addEventListener("click", () => {
      const ascending = by ? !state.ascending : Boolean(column.up);
      Object.assign(state, { view: "ranking", by: column.key, ascending, page: 0 });
      $("view-ranking").checked = true;
      drawTable();
      document.querySelector(`th[data-key="${column.key}"] button`)?.focus();
    });
    const attributes = { scope: "col", "data-key": column.key };
    if (by) attributes["aria-sort"] = state.ascending ? "ascending" : "descending";
    if (column.kind === "text") attributes.class = "left";
    return element("th", attributes, button);
  }

  function drawTable() {
    const shown = columns.filter((column) => column.on);
    const by = columns.find((column) => column.key === state.by);
    const best = columns.find((column) => column.key === sortKey);
    const ordered = state.view === "lineage"
      ? board.tree(board.sorted(state.rows, best, false))
      : board.sorted(state.rows, by, state.ascending).map((row) => [row, 0]);
    const pages = Math.max(Math.ceil(ordered.length / PAGE), 1);
    state.page = Math.min(state.page, pages - 1);
    const own = ordered.slice(state.page * PAGE, (state.page + 1) * PAGE);
    const table = $("table");
    table.setAttribute("aria-rowcount", ordered.length + 1);
    table.tHead.replaceChildren(element("tr", {}, element("th", { scope: "col", class: "left stub" }, "Model"), ...shown.map(heading)));
    table.tBodies[0].replaceChildren(...own.flatMap(([row, depth]) => line(row, depth, shown)));
    drawPages(pages);
  }

  function drawPages(pages) {
    const step = (label, page, off) => {
      const button = element("button", { type: "button" }, label);
      button.disabled = off;
      button.addEventListener("click", () => { state.page = page; drawTable(); $("entries").scrollIntoView(); });
      return button;
    };
    $("pages").hidden = pages < 2;
    $("pages").replaceChildren(
      step("← Previous", state.page - 1, state.page === 0),
      element("span", {}, `page ${state.page + 1} of ${pages}`),
      step("Next →", state.page + 1, state.page === pages - 1),
    );
  }

  function open(row) {
    const by = columns.find((column) => column.key === state.by);
    state.view = "ranking";
    $("view-ranking").checked = true;
    state.page = Math.floor(board.sorted(state.rows, by, state.ascending).indexOf(row) / PAGE);
    state.open.add(row.place);
    drawTable();
    const found = document.querySelector(`tr[data-place="${row.place}"]`);
    found.scrollIntoView({ block: "center" });
    found.querySelector(".model").focus({ preventScroll: true });
  }

  function show() {
    state.rows = board.chosen(data, state);
    const all = data.rows.filter((row) => row.protocol === state.protocol).length;
    $("status").textContent = `${state.rows.length.toLocaleString("en")} of ${all.toLocaleString("en")} entries`;
    const on = ["regime", "family", "licence", "source"].filter((name) => state[name] !== "").length
      + (state.min !== null) + (state.max !== null) + state.complete + state.better;
    $("filters-on").textContent = on ? `(${on})` : "";
    drawTable();
    plane.draw($("plane-drawing"), state.rows, colours, open);
    const present = regimes.filter((regime) => state.rows.some((row) => row.regime === regime));
    $("plane-legend").replaceChildren(...present.map((regime) => element("span", {}, element("span", { class: `dot ${colours.get(regime)}` }), regime || "unknown")));
  }

  $("main").hidden = false;
  buildChoices();
  show();
  let wait = 0;
  window.addEventListener("resize", () => {
    cancelAnimationFrame(wait);
    wait = requestAnimationFrame(() => plane.draw($("plane-drawing"), state.rows, colours, open));
  });
  document.documentElement.dataset.drawn = "yes";
})();
