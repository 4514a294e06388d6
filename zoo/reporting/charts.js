// Draws the charts one after another, in the colours of the reader's screen and in its width.
"use strict";

(() => {
  const block = document.getElementById("figures");
  if (!block) return;
  const { light, dark, look, specs } = JSON.parse(block.textContent);
  const night = matchMedia("(prefers-color-scheme: dark)");
  const panels = [...document.querySelectorAll("[data-panel]")];

  function painted(value, palette) {
    if (typeof value === "string") return Object.hasOwn(palette, value) ? palette[value] : value;
    if (Array.isArray(value)) return value.map((each) => painted(each, palette));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [name, painted(each, palette)]),
    );
  }

  const OPTIONS = {
    mode: "vega-lite", renderer: "svg", actions: false, ast: true, defaultStyle: false,
    tooltip: { disableDefaultStyle: true },
  };

  async function draw(panel, wanted) {
    const size = panel.clientWidth >= 560 ? "wide" : "narrow";
    const looks = `${size} ${night.matches ? "dark" : "light"}`;
    if (panel.dataset.drawn === looks || panel.clientWidth === 0) return;
    const [figure, number] = panel.dataset.panel.split(":");
    const palette = night.matches ? dark : light;
    const spec = { ...specs[figure][size][+number], config: look };
    const inner = document.createElement("div");
    inner.setAttribute("aria-hidden", "true"); // the panel itself says what it shows
    const made = await vegaEmbed(inner, painted(spec, palette), OPTIONS);
    if (wanted !== turn) {
      made.finalize();
      return;
    }
    panel.replaceChildren(inner);
    panel.dataset.drawn = looks;
  }

  let turn = 0;

  async function drawAll() {
    const wanted = ++turn;
    document.documentElement.dataset.drawn = "no";
    for (const panel of panels) {
      if (wanted !== turn) return;
      try {
        await draw(panel, wanted);
      } catch (problem) {
        panel.textContent = `This chart cannot be drawn (${problem.message}); its numbers are below.`;
        panel.dataset.drawn = "failed";
      }
      await new Promise((next) => setTimeout(next));
    }
    document.documentElement.dataset.drawn = "yes";
  }

  let waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 150);
  });
  night.addEventListener("change", drawAll);
  document.getElementById("protocol-shown")?.addEventListener("change", (event) => {
    document.body.dataset.protocol = event.target.value;
    drawAll();
  });
  drawAll();
})();
