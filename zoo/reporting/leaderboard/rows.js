// What a leaderboard's rows are: which are chosen, in which order, under which parent. No document.
"use strict";

const board = (() => {
  const UNKNOWN = "—";
  const G = 0, S = 1;

  function points(value, digits = 1) {
    if (value === null || value === undefined) return UNKNOWN;
    // a half is rounded to the even digit, as every other format rounds it
    const text = new Intl.NumberFormat("en", {
      minimumFractionDigits: digits, maximumFractionDigits: digits, roundingMode: "halfEven", useGrouping: false,
    }).format(100 * value).replace("-", "−");
    return Number(text.replace("−", "-")) === 0 ? text.replace("−", "") : text;
  }

  function signed(value) {
    const text = points(value);
    return value > 0 && Number(text) ? `+${text}` : text;
  }

  function size(parameters) {
    if (parameters === null) return UNKNOWN;
    for (const [unit, name] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]]) {
      if (parameters >= unit) return (parameters / unit).toFixed(1).replace(/\.0$/, "") + name;
    }
    return String(parameters);
  }

  // "7B" as a number of parameters; null for what is none
  function parameters(text) {
    const found = /^\s*(\d+(?:\.\d+)?)\s*([kmbt]?)\s*$/i.exec(text);
    if (!found) return null;
    return Number(found[1]) * { "": 1, k: 1e3, m: 1e6, b: 1e9, t: 1e12 }[found[2].toLowerCase()];
  }

  // What the columns hold: a title, a value to sort by (null last), and which way is better.
  function columnsOf(data) {
    const mean = (at) => (row) => row.means[at]?.[0] ?? null;
    const change = (at) => (row) => row.deltas[0]?.changes[at]?.[0] ?? null;
    const text = (name) => (row) => row[name] || null;
    const columns = [
      { key: "rank", title: "Rank", group: "Entry", of: (row) => row.rank && row.rank[0] + row.rank[1], up: true, on: true },
      { key: "G", title: "G", group: "Entry", kind: "mean", at: G, of: mean(G), on: true },
      { key: "S", title: "S", group: "Entry", kind: "mean", at: S, of: mean(S), on: true },
      { key: "dG", title: "ΔG", group: "Entry", kind: "change", at: G, of: change(G), on: true },
      { key: "dS", title: "ΔS", group: "Entry", kind: "change", at: S, of: change(S), on: true },
      { key: "regime", title: "Regime", group: "Entry", kind: "text", of: text("regime"), up: true, on: true },
      { key: "size", title: "Size", group: "Entry", kind: "size", of: (row) => row.size, on: true },
      { key: "family", title: "Family", group: "Entry", kind: "text", of: text("family"), up: true },
      { key: "licence", title: "Licence", group: "Entry", kind: "text", of: text("licence"), up: true },
      { key: "source", title: "Source", group: "Entry", kind: "text", of: text("source"), up: true },
    ];
    const varied = (name) => new Set(data.rows.map((row) => row[name])).size > 1;
    for (const name of ["family", "licence", "source"]) columns.find((c) => c.key === name).on = varied(name);
    if (data.rows.every((row) => row.size === null)) columns.find((c) => c.key === "size").on = false;
    if (data.rows.every((row) => !row.deltas.length)) {
      for (const key of ["dG", "dS"]) columns.find((c) => c.key === key).on = false;
    }
    data.capabilities.forEach((capability, n) => columns.push({
      key: `c${n}`, title: capability.name, group: `Capabilities, ${capability.axis}`,
      kind: "mean", at: n + 2, of: mean(n + 2), on: capability.name === data.sort,
    }));
    const twice = new Set();
    const names = new Set();
    for (const each of data.benchmarks) (names.has(each.name) ? twice : names).add(each.name);
    data.benchmarks.forEach((each, n) => columns.push({
      key: `b${n}`,
      title: twice.has(each.name) ? `${each.name} ${each.metric} ${each.shots ?? ""}` : each.name,
      group: `Benchmarks, ${each.axis}`, kind: "score", at: n, of: (row) => row.scores[n], on: false,
    }));
    return columns;
  }

  function chosen(data, state) {
    const words = state.search.toLowerCase().split(/\s+/).filter(Boolean);
    const { min, max } = state;
    return data.rows.filter((row) => {
      if (row.protocol !== state.protocol) return false;
      if (state.complete && row.gap) return false;
      if (state.better && !row.deltas.some((delta) => delta.better)) return false;
      for (const name of ["regime", "family", "licence", "source"]) {
        if (state[name] !== "" && row[name] !== state[name]) return false;
      }
      if (min !== null && !(row.size >= min)) return false;
      if (max !== null && (row.size === null || row.size > max)) return false;
      row.needle ??= `${row.model} ${row.apart} ${row.family} ${row.regime} ${row.source}`.toLowerCase();
      return words.every((word) => row.needle.includes(word));
    });
  }

  function sorted(rows, column, ascending) {
    const keyed = rows.map((row) => [column.of(row), row]);
    const sign = ascending ? 1 : -1;
    keyed.sort(([a, one], [b, two]) => {
      if (a === null || b === null) return (a === null) - (b === null) || one.place - two.place;
      const order = typeof a === "string" ? a.localeCompare(b) : a - b;
      return sign * order || one.place - two.place;
    });
    return keyed.map(([, row]) => row);
  }

  // [row, depth] in the order of the tree: children below their first parent that is shown.
  function tree(rows) {
    const shown = new Set(rows.map((row) => row.place));
    const below = new Map();
    for (const row of rows) {
      const above = row.above.find((place) => shown.has(place) && place !== row.place) ?? -1;
      below.set(above, [...(below.get(above) ?? []), row]);
    }
    const ordered = [], seen = new Set();
    const walk = (start) => {
      const waiting = [[start, 0]];
      while (waiting.length) {
        const [row, depth] = waiting.pop();
        if (seen.has(row.place)) continue;
        seen.add(row.place);
        ordered.push([row, depth]);
        for (const child of [...(below.get(row.place) ?? [])].reverse()) waiting.push([child, depth + 1]);
      }
    };
    for (const row of below.get(-1) ?? []) walk(row);
    for (const row of rows) walk(row); // a circle of parents has no root
    return ordered;
  }

  return { UNKNOWN, G, S, points, signed, size, parameters, columnsOf, chosen, sorted, tree };
})();
