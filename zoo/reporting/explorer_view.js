// What the explorer shows: choices, the list of items (only the lines in sight), one item whole.
"use strict";

(() => {
  const block = document.getElementById("items");
  if (!block) return;
  const { ROW, MARKS, FILTERS, visible, element, embedded, served, pathBetween, number } = explorer;
  const index = JSON.parse(block.textContent);
  const source = index.served ? served() : embedded(index);
  const $ = (name) => document.getElementById(`explorer-${name}`);
  const stages = index.stages;
  const state = { rows: [], at: 0, cells: [], path: [], asked: 0 };

  // ------------------------------------------------------------------ choices

  function fill(select, options, chosen) {
    select.replaceChildren(
      ...options.map(([value, label]) => {
        const option = element("option", { value }, label);
        option.selected = String(value) === String(chosen);
        return option;
      }),
    );
  }

  function chosen(name) {
    return document.querySelector(`input[name="explorer-${name}"]:checked`)?.value;
  }

  function radios(name, options, wanted) {
    const box = $(name);
    box.replaceChildren(
      ...options.map(([value, label, count]) => {
        const input = element("input", {
          type: "radio", name: `explorer-${name}`, value, id: `explorer-${name}-${value}`,
        });
        input.checked = value === wanted;
        const shown = count === undefined ? [label] : [label, " ", element("b", {}, String(count))];
        return element("label", { for: input.id }, input, element("span", {}, ...shown));
      }),
    );
  }

  async function openBenchmark() {
    const benchmark = index.benchmarks[+$("benchmark").value];
    state.cells = await source.scores(+$("benchmark").value);
    const protocols = [...new Set(state.cells.map((cell) => cell.protocol))];
    const before = chosen("protocol");
    const protocol = protocols.includes(before) ? before : protocols[protocols.length - 1];
    radios("protocol", protocols.map((each) => [each, each]), protocol);
    $("about").textContent = about(benchmark);
    openStages();
  }

  function about(benchmark) {
    const asked = `${benchmark.n.toLocaleString("en")} items, ${benchmark.metric}`;
    const shots = benchmark.shots === null ? "" : `, ${benchmark.shots}-shot`;
    if (benchmark.policy !== "open" && !index.served) {
      return `${asked}${shots}. Its items must not be published (${benchmark.policy}): scores only.`;
    }
    if (index.served || benchmark.held === benchmark.n) return `${asked}${shots}.`;
    return (
      `${asked}${shots}. The scores of all are here, the texts of ` +
      `${benchmark.held.toLocaleString("en")}, changed items first; \`zoo view\` shows all.`
    );
  }

  function openStages() {
    const protocol = chosen("protocol");
    const here = state.cells.filter((cell) => cell.protocol === protocol).map((c) => c.stage);
    const options = here.map((stage) => [stage, stages[stage].name]);
    const keep = (name, otherwise) => {
      const value = +$(name).value;
      return $(name).value !== "" && here.includes(value) ? value : otherwise;
    };
    const depth = (stage) => pathBetween(stages, here[0], stage).length;
    const deepest = here.slice(1).reduce((a, b) => (depth(b) >= depth(a) ? b : a), here[0]);
    fill($("from"), options, keep("from", here[0]));
    fill($("to"), options, keep("to", deepest));
    openFilters();
  }

  function scoresAlong(row) {
    return state.path.map((cell) => (cell ? number(cell.scores, row) : null));
  }

  function openFilters() {
    const protocol = chosen("protocol");
    const benchmark = index.benchmarks[+$("benchmark").value];
    const sign = benchmark.higher_is_better ? 1 : -1;
    const cellOf = (stage) =>
      state.cells.find((cell) => cell.stage === stage && cell.protocol === protocol);
    const path = pathBetween(stages, +$("from").value, +$("to").value);
    state.path = path.map(cellOf).filter(Boolean);
    const found = Object.fromEntries(Object.keys(FILTERS).map((name) => [name, []]));
    for (let row = 0; row < benchmark.n; row++) {
      const raw = scoresAlong(row);
      const known = raw.filter((each) => each !== null).map((each) => sign * each);
      const ends = raw[0] !== null && raw[raw.length - 1] !== null;
      for (const name in FILTERS) {
        if (name === "all" || (ends && FILTERS[name][1](known))) found[name].push(row);
      }
    }
    state.found = found;
    const wanted = chosen("filter") ?? (found.lost.length ? "lost" : "changed");
    radios(
      "filter",
      Object.entries(FILTERS).map(([name, [label]]) => [name, label, found[name].length]),
      found[wanted].length || chosen("filter") ? wanted : "all",
    );
    const names = path.map((stage) => stages[stage].name);
    $("path").textContent = names.join(" \u2192 ");
    openList();
  }

  function openList() {
    state.rows = state.found[chosen("filter")];
    state.at = 0;
    $("list").scrollTop = 0;
    $("space").style.height = `${Math.max(state.rows.length, 1) * ROW}px`;
    $("list").setAttribute("aria-label", `${state.rows.length} items`);
    draw();
    show();
  }

  // ------------------------------------------------------------------ the list

  function verdict(score) {
    if (score === null || score === undefined) return "none";
    return score === 1 ? "right" : score === 0 ? "wrong" : "part";
  }

  const WORDS = { right: "right", wrong: "wrong", part: "in part", none: "not asked" };

  function here() {
    return state.cells.filter((cell) => cell.protocol === chosen("protocol"));
  }

  async function draw() {
    const list = $("list");
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 5);
    const last = Math.min(state.rows.length, first + Math.ceil(list.clientHeight / ROW) + 10);
    const cells = here();
    const lines = [];
    for (let place = first; place < last; place++) {
      const row = state.rows[place];
      const scores = cells.map((cell) => number(cell.scores, row));
      const marks = scores.map((score) => {
        const kind = verdict(score);
        return element("i", { class: kind }, MARKS[kind]);
      });
      const line = element(
        "div",
        {
          role: "option", id: `explorer-row-${place}`, "aria-setsize": state.rows.length,
          "aria-posinset": place + 1, "aria-selected": String(place === state.at),
          "aria-label":
            `item ${row + 1}: ` +
            cells.map((c, i) => `${stages[c.stage].name} ${WORDS[verdict(scores[i])]}`).join(", "),
        },
        element("span", { class: "number" }, String(row + 1)),
        element("span", { class: "marks" }, ...marks),
        element("span", { class: "snippet" }),
      );
      line.style.top = `${place * ROW}px`;
      line.dataset.place = place;
      lines.push(line);
    }
    $("space").replaceChildren(...lines);
    if (!state.rows.length) {
      $("space").replaceChildren(element("p", { class: "empty" }, "No item is like that."));
    }
    list.setAttribute("aria-activedescendant", `explorer-row-${state.at}`);
    const ticket = ++state.asked;
    const texts = await source.texts(+$("benchmark").value, state.rows.slice(first, last));
    if (ticket !== state.asked) return;
    texts.forEach((item, i) => {
      const asked = item?.cells.find((cell) => cell?.question)?.question;
      const said = asked ? asked.prompts[0] : (item?.id ?? "");
      lines[i].lastChild.textContent = visible(said.trimEnd().slice(-90).replace(/\s+/g, " "));
    });
  }

  function move(to) {
    if (!state.rows.length) return;
    state.at = Math.min(Math.max(to, 0), state.rows.length - 1);
    const list = $("list"), top = state.at * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    if (top + ROW > list.scrollTop + list.clientHeight) {
      list.scrollTop = top + ROW - list.clientHeight;
    }
    draw();
    show();
  }

  const KEYS = {
    ArrowDown: () => state.at + 1,
    ArrowUp: () => state.at - 1,
    PageDown: () => state.at + 10,
    PageUp: () => state.at - 10,
    Home: () => 0,
    End: () => state.rows.length - 1,
  };

  // ------------------------------------------------------------------ one item

  async function show() {
    const box = $("item"), row = state.rows[state.at];
    if (row === undefined) {
      box.replaceChildren();
      return;
    }
    const ticket = state.rows;
    const [item] = await source.texts(+$("benchmark").value, [row]);
    if (ticket !== state.rows || state.rows[state.at] !== row) return;
    const head = element(
      "h4", {}, `Item ${row + 1}`,
      element("small", {}, ` ${state.at + 1} of ${state.rows.length} shown here`),
    );
    if (!item) {
      const why = "Its question and answers are not in this file; `zoo view` shows them.";
      box.replaceChildren(head, element("p", { class: "soft" }, why), cards(row, null));
      return;
    }
    box.replaceChildren(head, ...questions(item), cards(row, item));
  }

  /** A text, its beginning or end in sight, never as markup. */
  function textBox(text, label) {
    const shown = element("pre", { tabindex: "0", role: "group", "aria-label": label });
    shown.textContent = text === "" ? "(nothing)" : visible(text);
    if (text === "") shown.className = "soft";
    return shown;
  }

  function expected(question) {
    return element("p", { class: "target" }, "Expected: ", visible(question.target));
  }

  function questions(item) {
    const groups = new Map();
    state.cells.forEach((cell, i) => {
      const found = item.cells[i];
      if (!found || cell.protocol !== chosen("protocol")) return;
      const group = groups.get(found.asked) ?? { question: found.question, names: [] };
      group.names.push(stages[cell.stage].name);
      groups.set(found.asked, group);
    });
    const parts = [];
    const targets = new Set([...groups.values()].map((each) => each.question?.target ?? ""));
    for (const { question, names } of groups.values()) {
      const who = groups.size === 1 ? "Every stage was asked" : `Asked of ${names.join(", ")}`;
      const box = element("div", { class: "question" }, element("h5", {}, who));
      if (!question) {
        box.append(element("p", { class: "soft" }, "This run did not keep its prompts."));
      } else {
        question.prompts.forEach((text) => box.append(textBox(text, "prompt")));
        const options = question.options.map((option) => {
          const right = question.target.split("\n").includes(option.trim());
          return element("li", { class: right && "right" }, visible(option), right ? " \u2713" : "");
        });
        if (options.length) box.append(element("ul", { class: "options" }, ...options));
        else if (question.target && targets.size > 1) box.append(expected(question));
      }
      parts.push(box);
    }
    const [first] = groups.values();
    if (targets.size === 1 && first?.question?.target && !first.question.options.length) {
      parts.push(expected(first.question));
    }
    return parts;
  }

  function cards(row, item) {
    const shown = [];
    state.cells.forEach((cell, i) => {
      if (cell.protocol !== chosen("protocol")) return;
      const score = number(cell.scores, row), kind = verdict(score);
      const word = kind === "part" ? `score ${score}` : WORDS[kind];
      const card = element(
        "article", { class: `answer ${kind}` },
        element(
          "h5", {}, stages[cell.stage].name,
          element("span", { class: "verdict" }, `${MARKS[kind]} ${word}`),
        ),
      );
      for (const answer of item?.cells[i]?.answers ?? []) {
        card.append(textBox(answer.text, `answer of ${stages[cell.stage].name}`));
        card.append(element("p", { class: "soft" }, facts(answer)));
      }
      shown.push(card);
    });
    return element("div", { class: "answers" }, ...shown);
  }

  function facts(answer) {
    return [
      answer.tokens === undefined ? "" : `${answer.tokens} tokens`,
      answer.thinking ? `${answer.thinking} of them thinking` : "",
      answer.thinking_cut ? "cut while thinking" : answer.truncated ? "cut at the cap" : "",
      answer.parsed === false ? "no answer found in it" : "",
      answer.confidence === undefined ? "" : `chosen with probability ${answer.confidence}`,
    ].filter(Boolean).join(" \u00b7 ");
  }

  // ------------------------------------------------------------------ listening

  fill($("benchmark"), index.benchmarks.map((each, i) => [i, each.name]), index.first ?? 0);
  $("benchmark").addEventListener("change", openBenchmark);
  $("protocol").addEventListener("change", openStages);
  $("from").addEventListener("change", openFilters);
  $("to").addEventListener("change", openFilters);
  $("filter").addEventListener("change", openList);
  $("list").addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  $("list").addEventListener("click", (event) => {
    const line = event.target.closest("[data-place]");
    if (line) move(+line.dataset.place);
  });
  $("list").addEventListener("keydown", (event) => {
    const key = KEYS[event.key];
    if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move(key());
  });
  openBenchmark();
})();
