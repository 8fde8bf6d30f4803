// Commands to meters, the trail, and C-route files.

import { ask } from "./api.js";
import { element, labelled, table } from "./dom.js";
import { word } from "./words.js";

// name, kind, arguments, does it take a number
const ORDERS = [
  ["read", "read", () => ({})],
  ["set_clock", "clock", () => ({})],
  ["limit", "limit", (ampere) => ({ limit_a: ampere }), true],
  ["switch_close", "switch", () => ({ closed: true })],
  ["switch_open", "switch", () => ({ closed: false })],
];
const minute = (time) => time?.slice(0, 16).replace("T", " ");

export async function orders(main, { meter }, go) {
  main.append(form(meter ?? "", go));
  const { commands } = await ask("commands?most=100");
  const cancel = (row) =>
    row.state === "queued" ? element("button", { type: "button", onclick: () => ask(`commands/${row.id}`, { method: "DELETE" }).finally(() => go({ meter })) }, word("cancel")) : "";
  const columns = [
    ["#", (row) => String(row.id), true],
    [word("kind"), (row) => `${row.kind} ${JSON.stringify(row.arguments)}`],
    [word("state"), (row) => row.state],
    [word("who"), (row) => row.who],
    [word("asked"), (row) => minute(row.asked)],
    [word("result"), (row) => row.result],
    ["", cancel],
  ];
  main.append(table(word("orders"), columns, commands, word("nothing")));
}

function form(serial, go) {
  const meter = element("input", { name: "meter", value: serial, required: true, maxlength: 64, autocomplete: "off" });
  const kind = element("select", { name: "kind" }, ...ORDERS.map(([name]) => element("option", { value: name }, word(name))));
  const ampere = element("input", { name: "ampere", type: "number", min: 0, max: 120, value: 30 });
  const number = labelled("A", ampere);
  const adapt = () => (number.hidden = !ORDERS.find(([name]) => name === kind.value)[3]);
  kind.addEventListener("change", adapt);
  adapt();
  const submit = async (event) => {
    event.preventDefault();
    const [, name, make] = ORDERS.find((row) => row[0] === kind.value);
    if (name !== "read" && !confirm(word("sure"))) return;
    await ask("commands", { method: "POST", body: { meter: meter.value, kind: name, arguments: make(Number(ampere.value)) } });
    go({ meter: meter.value });
  };
  return element("form", { onsubmit: submit }, labelled(word("meter"), meter), labelled(word("kind"), kind), number, element("button", { type: "submit" }, word("ask")));
}

export async function trail(main) {
  const { entries } = await ask("trail?most=200");
  const columns = [
    [word("time"), (row) => row.at.slice(0, 19).replace("T", " ")],
    [word("who"), (row) => row.who],
    [word("action"), (row) => row.action],
    [word("subject"), (row) => row.subject],
    [word("outcome"), (row) => row.outcome],
  ];
  main.append(table(word("trail"), columns, entries, word("nothing")));
}

export async function files(main) {
  const { files: found } = await ask("files");
  const link = (row) => element("a", { href: "#", onclick: (event) => save(event, row.name) }, row.name);
  const columns = [
    [word("name"), link],
    [word("rows"), (row) => String(row.rows), true],
    [word("within_60"), (row) => String(row.within_60), true],
    [word("latest"), (row) => `${row.latest_s} s`, true],
  ];
  main.append(table(word("files"), columns, found, word("nothing")));
}

async function save(event, name) {
  event.preventDefault();
  const url = URL.createObjectURL(await ask(`files/${encodeURIComponent(name)}`, { raw: true }));
  element("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
