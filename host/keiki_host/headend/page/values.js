// Energy of a point: a day in half hours, its month, and now.

import { ask, query } from "./api.js";
import { bars, legend } from "./chart.js";
import { element, figures, labelled, table } from "./dom.js";
import { kwh, word } from "./words.js";

const today = () => new Date(Date.now() + 9 * 3600e3).toISOString().slice(0, 10);
const shifted = (date, days) => new Date(Date.parse(date) + days * 86400e3).toISOString().slice(0, 10);

export async function values(main, { point, date }, go) {
  const { points } = await ask("points?most=1000");
  if (!points.length) {
    main.append(element("p", {}, word("nothing")));
    return;
  }
  const chosen = { point: point ?? points[0], date: date ?? today() };
  main.append(form(points, chosen, go));
  const number = encodeURIComponent(chosen.point);
  const [day, month, now] = await Promise.all([
    ask(`points/${number}/day?${query({ date: chosen.date })}`),
    ask(`points/${number}/month?${query({ month: chosen.date.slice(0, 7) })}`),
    ask(`points/${number}/now`),
  ]);
  main.append(
    figures([
      [word("power_now"), now.mean_power_w === null ? "-" : `${now.mean_power_w.toLocaleString()} W (${Math.round(now.age_s / 60)} ${word("ago")})`],
      [`${word("import")} ${chosen.date}`, kwh(day.import_wh)],
      [`${word("export")} ${chosen.date}`, kwh(day.export_wh)],
      [word("missing"), day.missing],
    ]),
  );
  main.append(element("h2", {}, `${word("half_hours")} ${chosen.date}`));
  const rows = day.half_hours.map((row) => ({ ...row, label: row.start.slice(11, 16) }));
  main.append(bars(rows, `${word("half_hours")} ${chosen.date}`, 6), legend(), details(word("as_table"), asTable(rows)));
  main.append(element("h2", {}, `${word("days")} ${month.month}`));
  const days = month.days.map((row) => ({ ...row, label: row.date.slice(8), quality: "valid" }));
  main.append(bars(days, `${word("days")} ${month.month}`, 5), element("p", {}, `${word("total")}: ${word("import")} ${kwh(month.import_wh)}, ${word("export")} ${kwh(month.export_wh)}`));
}

function form(points, chosen, go) {
  const select = element("select", { name: "point" }, ...points.map((number) => element("option", { value: number, selected: number === chosen.point }, number)));
  const day = element("input", { type: "date", name: "date", value: chosen.date, max: today(), required: true });
  const move = (days) => () => go({ ...chosen, date: shifted(chosen.date, days) });
  return element(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault();
        go({ point: select.value, date: day.value });
      },
    },
    labelled(word("point"), select),
    labelled(word("date"), day),
    element("button", { type: "submit" }, word("show")),
    element("button", { type: "button", onclick: move(-1) }, word("previous")),
    element("button", { type: "button", onclick: move(1), disabled: chosen.date >= today() }, word("next")),
  );
}

function asTable(rows) {
  return table(
    word("half_hours"),
    [
      [word("time"), (row) => row.label],
      [word("import"), (row) => kwh(row.import_wh), true],
      [word("export"), (row) => kwh(row.export_wh), true],
      [word("quality"), (row) => word(row.quality)],
    ],
    rows,
    word("nothing"),
  );
}

const details = (summary, content) => element("details", {}, element("summary", {}, summary), content);
