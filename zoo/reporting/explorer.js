// The item explorer: one benchmark's items across all stages, from this page or from its server.
"use strict";

const explorer = (() => {
  const ROW = 30; // height of a line of the list, in pixels; explorer CSS says the same
  const MARKS = { right: "\u2713", wrong: "\u2717", part: "\u25d0", none: "\u00b7" };

  /** Text with everything shown that would hide, reverse or command. */
  function visible(text) {
    return text
      .replace(/\r\n/g, "\n")
      .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
      .replace(
        /[\u007f-\u009f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g,
        (c) => `\u27e8U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}\u27e9`,
      )
      .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
    }
    made.append(...children.filter((each) => each !== null && each !== undefined));
    return made;
  }

  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }

  /** Where items come from: scores(benchmark) whole, texts(benchmark, rows) as they are needed. */
  function embedded(index) {
    const scores = new Map(), texts = new Map();
    const once = (memory, number, name) => {
      if (!memory.has(number)) memory.set(number, unpacked(index.benchmarks[number][name]));
      return memory.get(number);
    };
    return {
      scores: (number) => once(scores, number, "scores"),
      async texts(number, rows) {
        const all = await once(texts, number, "texts");
        all.byRow ??= new Map(all.rows.map((each) => [each.row, each]));
        return rows.map((row) => dressed(all.byRow.get(row), all.questions));
      },
    };
  }

  function served() {
    const scores = new Map(), rowsOf = new Map();
    const get = async (path) => {
      const answer = await fetch(path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      return answer.json();
    };
    return {
      scores(number) {
        if (!scores.has(number)) scores.set(number, get(`items/${number}/scores`));
        return scores.get(number);
      },
      async texts(number, rows) {
        if (!rowsOf.has(number)) rowsOf.set(number, new Map());
        const known = rowsOf.get(number);
        const missing = rows.filter((row) => !known.has(row));
        for (let at = 0; at < missing.length; at += 100) {
          const some = missing.slice(at, at + 100);
          const found = await get(`items/${number}/texts?rows=${some.join(",")}`);
          for (const each of found.rows) known.set(each.row, dressed(each, found.questions));
        }
        return rows.map((row) => known.get(row));
      },
    };
  }

  /** A row with its questions in place of their numbers; undefined where this page lacks it. */
  function dressed(row, questions) {
    if (!row) return undefined;
    const cells = row.cells.map(
      (cell) => cell && { question: questions[cell[0]], asked: cell[0], answers: cell[1] },
    );
    return { id: row.id, cells };
  }

  /** The stages from one to another along first parents, or just the two. */
  function pathBetween(stages, from, to) {
    const path = [to];
    while (path[0] !== from && path.length <= stages.length) {
      const above = stages[path[0]].parents;
      if (!above.length) return [from, to];
      path.unshift(above.includes(from) ? from : above[0]);
    }
    return path[0] === from ? path : [from, to];
  }

  const number = (scores, row) => {
    if (typeof scores !== "string") return scores[row];
    const letter = scores[row];
    return letter === "-" ? null : letter === "1" ? 1 : 0;
  };

  const FILTERS = {
    all: ["All", () => true],
    changed: ["Changed", (s) => s[0] !== s[s.length - 1]],
    lost: ["Lost", (s) => s[s.length - 1] < s[0]],
    gained: ["Gained", (s) => s[s.length - 1] > s[0]],
    recovered: ["Recovered", recovered],
    never: ["Wrong throughout", (s) => s.every((each) => each === 0)],
    always: ["Right throughout", (s) => s.every((each) => each === 1)],
  };

  /** Right, then worse, and at the end at least as good again. */
  function recovered(scores) {
    const last = scores[scores.length - 1];
    let best = -Infinity, fell = -Infinity;
    for (const score of scores.slice(0, -1)) {
      if (score < best) fell = Math.max(fell, best);
      best = Math.max(best, score);
    }
    return fell > -Infinity && last >= fell;
  }

  return { ROW, MARKS, FILTERS, visible, element, embedded, served, pathBetween, number };
})();
