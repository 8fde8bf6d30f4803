// The fleet of an operator: KPIs of a day, the meters behind a miss, and one meter.

import { ask, query } from "./api.js";
import { element, figures, labelled, table } from "./dom.js";
import { word } from "./words.js";

const KPIS = ["connection", "within_30", "within_60", "within_48h", "reading", "settings"];
const yesterday = () => new Date(Date.now() + 9 * 3600e3 - 86400e3).toISOString().slice(0, 10);
const percent = ({ part, of }) => (of ? `${(Math.floor((part * 1000) / of) / 10).toFixed(1)} %` : "-");

export async function fleet(main, { date, area, kpi }, go) {
  const day = date ?? yesterday();
  const input = element("input", { type: "date", name: "date", value: day, required: true });
  const submit = (event) => {
    event.preventDefault();
    go({ date: input.value });
  };
  main.append(element("form", { onsubmit: submit }, labelled(word("date"), input), element("button", { type: "submit" }, word("show"))));
  const found = await ask(`fleet?${query({ date: day })}`);
  main.append(figures(["meters", "installed", "commands_waiting", "verifications_due"].map((name) => [word(name), found.overview[name]])));
  const cell = (name) => (row) =>
    row[name].part < row[name].of
      ? element("button", { type: "button", class: "bad", "aria-label": `${row.area} ${word(name)} ${percent(row[name])}: ${word("misses")}`, onclick: () => go({ date: day, area: row.area, kpi: name }) }, percent(row[name]))
      : percent(row[name]);
  main.append(table(word("fleet"), [[word("area"), (row) => row.area], ...KPIS.map((name) => [word(name), cell(name), true])], found.areas, word("nothing")));
  if (area && kpi) main.append(...(await missesOf(day, area, kpi, go)));
}

async function missesOf(date, area, kpi, go) {
  const { misses } = await ask(`fleet/misses?${query({ date, area, kpi })}`);
  const link = (row) => element("a", { href: "#", onclick: (event) => open(event, go, row.serial) }, row.serial);
  const columns = [
    [word("meter"), link],
    [word("point"), (row) => row.point],
    [word("slot"), (row) => row.slot?.slice(0, 16).replace("T", " ")],
    [word("arrived"), (row) => row.arrived?.slice(0, 16).replace("T", " ")],
    [word("detail"), (row) => row.detail],
  ];
  return [element("h2", { id: "misses" }, `${word("misses")}: ${area}, ${word(kpi)}, ${date}`), table(word("misses"), columns, misses, word("no_misses"))];
}

function open(event, go, serial) {
  event.preventDefault();
  go({ meter: serial });
}

export async function meter(main, { meter: serial }) {
  const found = await ask(`meters/${encodeURIComponent(serial)}`);
  main.append(element("h2", {}, `${word("meter")} ${found.serial}`));
  main.append(
    figures([
      [word("rating"), `${found.rating_a} A`],
      [word("point"), found.point ?? "-"],
      [word("area"), found.area ?? "-"],
      [word("verified"), found.verified ?? "-"],
      [word("verification_ends"), found.verification_ends ?? "-"],
      [word("installation_type"), found.installation_type ?? "-"],
      [word("clock"), found.clock.length ? `${found.clock[0].offset_s} s` : "-"],
      [word("system_title"), found.system_title],
    ]),
  );
  const at = (row) => row.at.slice(0, 19).replace("T", " ");
  main.append(element("h2", {}, word("events")), table(word("events"), [[word("time"), at], [word("log"), (row) => row.log], [word("code"), (row) => row.code]], found.events, word("nothing")));
  main.append(element("h2", {}, word("clock")), table(word("clock"), [[word("time"), at], [word("clock"), (row) => `${row.offset_s} s`, true]], found.clock, word("nothing")));
  main.append(element("h2", {}, word("orders")), table(word("orders"), [[word("kind"), (row) => row.kind], [word("state"), (row) => row.state], [word("result"), (row) => row.result]], found.commands, word("nothing")));
}
