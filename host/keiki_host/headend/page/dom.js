// Elements from data. Text is always text, never markup.

export function element(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect", "line", "text", "title", "g"].includes(tag);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Columns are [heading, function of a row that returns text or an element, is it a number].
export function table(caption, columns, rows, empty) {
  if (!rows.length) return element("p", {}, empty);
  const head = columns.map(([heading, , number]) => element("th", { scope: "col", class: number ? "number" : null }, heading));
  const body = rows.map((row) =>
    element("tr", {}, ...columns.map(([, cell, number]) => element("td", { class: number ? "number" : null }, cell(row) ?? "-"))),
  );
  return element(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)),
  );
}

export function labelled(text, control) {
  return element("label", {}, text, control);
}

export function figures(pairs) {
  return element("ul", { class: "figures" }, ...pairs.map(([label, value]) => element("li", {}, label, element("b", {}, String(value)))));
}
