// Bars of half hours or days: import upwards, export downwards. Each bar says what it is; the table beside it
// is for those who do not see it.

import { element } from "./dom.js";
import { kwh, word } from "./words.js";

const WIDTH = 960;
const HEIGHT = 300;
const LEFT = 56;
const BOTTOM = 22;

// Bars are {label, import_wh, export_wh, quality}.
export function bars(list, caption, every) {
  const highest = Math.max(1, ...list.map((bar) => bar.import_wh ?? 0));
  const lowest = Math.max(0, ...list.map((bar) => bar.export_wh ?? 0));
  const scale = (HEIGHT - BOTTOM - 16) / (highest + lowest);
  const zero = 10 + highest * scale;
  const step = (WIDTH - LEFT) / Math.max(1, list.length);
  const parts = [];
  for (const wh of [highest, 0, -lowest]) {
    if (wh === 0 && highest + lowest === 0) continue;
    const y = zero - wh * scale;
    parts.push(element("line", { x1: LEFT, x2: WIDTH, y1: y, y2: y }));
    parts.push(element("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, (Math.abs(wh) / 1000).toFixed(2)));
  }
  list.forEach((bar, index) => {
    const x = LEFT + index * step;
    if (index % every === 0) parts.push(element("text", { x, y: HEIGHT - 4 }, bar.label));
    parts.push(bar.import_wh === null ? missing(bar, x, step, zero) : column(bar, x, step, zero, scale));
  });
  return element("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": caption }, ...parts);
}

function missing(bar, x, step, zero) {
  const said = element("title", {}, `${bar.label}: ${word("missing")}`);
  return element("rect", { class: "bar missing", x: x + 1, y: zero - 14, width: Math.max(1, step - 2), height: 14 }, said);
}

function column(bar, x, step, zero, scale) {
  const width = Math.max(1, step - 2);
  const up = bar.import_wh * scale;
  const down = bar.export_wh * scale;
  const said = `${bar.label}: ${word("import")} ${kwh(bar.import_wh)}, ${word("export")} ${kwh(bar.export_wh)}, ${word(bar.quality)}`;
  return element(
    "g",
    { class: `bar ${bar.quality}`, "data-import": bar.import_wh, "data-export": bar.export_wh },
    element("title", {}, said),
    element("rect", { class: "import", x: x + 1, y: zero - up, width, height: up }),
    element("rect", { class: "export", x: x + 1, y: zero, width, height: down }),
  );
}

export function legend() {
  return element("ul", { class: "legend" }, ...["import", "export", "missing"].map((key) => element("li", { class: key }, `${word(key)}${key === "missing" ? "" : " (kWh)"}`)));
}
