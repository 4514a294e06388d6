// The plane: S to the right, G upwards, arrows from parents to children.
"use strict";

const plane = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const EDGE = { left: 58, right: 14, top: 12, bottom: 40 };
  const CROSSES = 60; // more intervals than these would cover one another
  const LABELLED = 12; // and more names

  function shape(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function scale(low, high, from, to) {
    return (value) => from + ((value - low) / (high - low)) * (to - from);
  }

  // Round numbers between two ends, in points.
  function ticks(low, high) {
    const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((each) => (high - low) / each <= 7) ?? 1;
    const found = [];
    for (let at = Math.ceil(low / step); at * step <= high + 1e-9; at++) found.push(at * step);
    return found;
  }

  function span(values) {
    let low = Math.min(...values), high = Math.max(...values);
    const room = Math.max((high - low) * 0.06, 0.01);
    return [low - room, high + room];
  }

  function arrow(from, to) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    if (length < 12) return null;
    const [ux, uy] = [dx / length, dy / length];
    const end = [to[0] - 7 * ux, to[1] - 7 * uy];
    const wing = (side) => `${end[0] - 5 * ux - side * 3 * uy},${end[1] - 5 * uy + side * 3 * ux}`;
    return shape("path", {
      d: `M${from[0] + 5 * ux},${from[1] + 5 * uy}L${end[0]},${end[1]}M${wing(1)}L${end[0]},${end[1]}L${wing(-1)}`,
      class: "arrow",
    });
  }

  // rows: those to draw; colours: class by regime; open: called with a row that was pressed.
  function draw(svg, rows, colours, open) {
    const width = Math.max(svg.parentElement.clientWidth, 280), height = width < 500 ? 300 : 420;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
    const points = rows.filter((row) => row.means[0] && row.means[1]);
    svg.closest("section").hidden = points.length < 1;
    if (!points.length) return;
    const crosses = points.length <= CROSSES;
    const reach = (at) => points.flatMap(({ means }) => (crosses ? means[at] : means[at].slice(0, 1)).filter((v) => v !== null));
    const [lowS, highS] = span(reach(1)), [lowG, highG] = span(reach(0));
    const x = scale(lowS, highS, EDGE.left, width - EDGE.right);
    const y = scale(lowG, highG, height - EDGE.bottom, EDGE.top);
    const axes = shape("g", { class: "axes" });
    for (const at of ticks(lowS, highS)) {
      axes.append(shape("line", { x1: x(at), x2: x(at), y1: EDGE.top, y2: height - EDGE.bottom }));
      axes.append(shape("text", { x: x(at), y: height - EDGE.bottom + 16, "text-anchor": "middle" }, board.points(at, 0)));
    }
    for (const at of ticks(lowG, highG)) {
      axes.append(shape("line", { x1: EDGE.left, x2: width - EDGE.right, y1: y(at), y2: y(at) }));
      axes.append(shape("text", { x: EDGE.left - 8, y: y(at) + 4, "text-anchor": "end" }, board.points(at, 0)));
    }
    axes.append(shape("text", { x: width - EDGE.right, y: height - 6, "text-anchor": "end", class: "name" }, "S, special →"));
    axes.append(shape("text", { x: 4, y: EDGE.top, class: "name", "text-anchor": "end", transform: `rotate(-90 4 ${EDGE.top}) translate(0 10)` }, "G, general →"));
    const arrows = shape("g", {}), marks = shape("g", {});
    const drawn = new Map(points.map((row) => [row.place, [x(row.means[1][0]), y(row.means[0][0])]]));
    for (const row of points) {
      for (const above of row.above) {
        const from = drawn.get(above);
        const made = from && arrow(from, drawn.get(row.place));
        if (made) arrows.append(made);
      }
    }
    for (const row of points) {
      const [[g, lowest, highest], [s, least, most]] = row.means;
      const [cx, cy] = drawn.get(row.place);
      const mark = shape("g", { class: `mark ${colours.get(row.regime)}${row.gap ? " gap" : ""}` });
      if (crosses && least !== null && lowest !== null) {
        mark.append(shape("path", { class: "cross", d: `M${x(least)},${cy}H${x(most)}M${cx},${y(lowest)}V${y(highest)}` }));
      }
      mark.append(shape("circle", { cx, cy, r: points.length > 300 ? 3.5 : 5 }));
      if (points.length <= LABELLED) {
        mark.append(shape("text", { x: cx + 8, y: cy - 8, class: "name" }, row.model.split("/").pop()));
      }
      mark.append(shape("title", {}, `${row.model}${row.apart ? ` (${row.apart})` : ""}: G ${board.points(g)}, S ${board.points(s)}`));
      mark.addEventListener("click", () => open(row));
      marks.append(mark);
    }
    svg.replaceChildren(axes, arrows, marks);
  }

  return { draw, shape };
})();
