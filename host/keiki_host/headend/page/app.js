// Puts the page together: who is there, which page is shown, in which language.

import { ApiError, ask, token } from "./api.js";
import { element, labelled } from "./dom.js";
import { fleet, meter } from "./fleet.js";
import { files, orders, trail } from "./orders.js";
import { values } from "./values.js";
import { isJapanese, say, switchLanguage, word } from "./words.js";

// page: [what shows it, scopes that have it in their menu]
const PAGES = {
  values: [values, ["customer", "retailer", "operator"]],
  fleet: [fleet, ["operator"]],
  meter: [meter, []],
  orders: [orders, ["operator"]],
  files: [files, ["retailer"]],
  trail: [trail, ["auditor"]],
};
const main = document.getElementById("main");
const said = document.getElementById("said");
let me = null;
let turn = 0;

const here = () => {
  const [page, rest] = location.hash.slice(1).split("?");
  return [PAGES[page] ? page : null, Object.fromEntries(new URLSearchParams(rest))];
};

function go(page, values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  const hash = `#${values.meter && page === "fleet" ? "meter" : page}?${new URLSearchParams(given)}`;
  main.setAttribute("aria-busy", "true"); // at once: what is shown is no longer what was asked for
  if (hash === location.hash) show();
  else location.hash = hash;
}

function menu(current) {
  const nav = document.getElementById("nav");
  nav.replaceChildren();
  if (!me) return;
  for (const [page, [, scopes]] of Object.entries(PAGES)) {
    if (scopes.includes(me.scope)) nav.append(element("a", { href: `#${page}`, "aria-current": page === current ? "page" : null }, word(page)));
  }
}

function enter() {
  const input = element("input", { name: "token", type: "password", required: true, autocomplete: "off", size: 48 });
  const submit = (event) => {
    event.preventDefault();
    token.set(input.value.trim());
    show();
  };
  main.append(element("form", { onsubmit: submit }, labelled(word("token"), input), element("button", { type: "submit" }, word("enter"))), element("p", {}, word("token_hint")));
}

async function show() {
  const mine = ++turn; // what was asked for last is shown, whatever answers last
  said.textContent = "";
  document.getElementById("leave").hidden = !token.get();
  if (!token.get()) {
    me = null;
    menu(null);
    main.replaceChildren();
    enter();
    return;
  }
  try {
    me ??= await ask("me");
    const [asked, given] = here();
    const page = asked ?? Object.keys(PAGES).find((name) => PAGES[name][1].includes(me.scope));
    menu(page);
    main.setAttribute("aria-busy", "true");
    const made = document.createDocumentFragment();
    await PAGES[page][0](made, given, (next) => go(page, next));
    if (mine === turn) main.replaceChildren(made);
  } catch (error) {
    if (mine === turn) {
      main.replaceChildren();
      failed(error);
    }
  } finally {
    if (mine === turn) main.removeAttribute("aria-busy");
  }
}

function failed(error) {
  said.textContent = error.message;
  if (error instanceof ApiError && error.status === 401) {
    token.forget();
    me = null;
    const reason = error.message;
    show().then(() => (said.textContent = reason));
  }
}

function speak() {
  say(document);
  const other = document.getElementById("language");
  other.textContent = isJapanese() ? "English" : "日本語";
  other.lang = isJapanese() ? "en" : "ja";
}

document.getElementById("language").addEventListener("click", () => {
  switchLanguage();
  speak();
  show();
});
document.getElementById("leave").addEventListener("click", () => {
  token.forget();
  me = null;
  show();
});
addEventListener("hashchange", () => show().then(() => main.focus()));
addEventListener("unhandledrejection", (event) => failed(event.reason));
speak();
show();
