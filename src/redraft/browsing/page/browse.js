"use strict";
// The page to look through rows. Texts only ever become text nodes: the policy forbids markup made by scripts.

const $ = (id) => document.getElementById(id);
const THEMES = ["as the system", "light", "dark"];
const FILTERS = ["what", "reason", "type", "model", "low", "high", "find"];
const STATES = { kept: "in the dataset", rejected: "rejected", unreadable: "not readable" };
let rows = [];
let total = 0;
let current = 0; // the number of the row in front
let asked = 0; // of answers that overtake each other the last one counts
let shown = 0;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function number(value) {
  return value.toLocaleString("en");
}

async function get(path) {
  const answer = await fetch(path, { cache: "no-store", redirect: "error" });
  const body = await answer.json();
  if (answer.status !== 200) throw new Error(body.fault);
  return body;
}

function complain(words) {
  $("fault").textContent = words;
  $("fault").hidden = words === "";
}

function complainOf(fault) {
  complain(fault instanceof TypeError
    ? "The server does not answer. Start redraft documents inspect again and open its new address."
    : `Not possible: ${fault.message}`);
}

function query() {
  const words = new URLSearchParams();
  for (const name of FILTERS) if ($(name).value.trim() !== "") words.append(name, $(name).value);
  return words;
}

// The rows that fit the filters, from the first on or the next ones; then the row in front, if it is among them.
async function load(more) {
  const turn = ++asked;
  const words = query();
  words.set("start", more ? rows.length : 0);
  try {
    const found = await get(`rows?${words}`);
    if (turn !== asked) return;
    complain("");
    rows = more ? rows.concat(found.rows) : found.rows;
    total = found.total;
    list(more ? found.rows : rows, more);
  } catch (fault) {
    complainOf(fault);
  }
}

function list(fresh, more) {
  if (!more) $("list").replaceChildren();
  for (const one of fresh) $("list").append(lined(one));
  $("found").textContent = total === 1 ? "1 row" : `${number(total)} rows`;
  $("nothing").hidden = total > 0;
  $("more").hidden = rows.length >= total;
  if (more) return;
  if (rows.length === 0) {
    $("entry").hidden = true;
    current = 0;
  } else if (!rows.some((one) => one.number === current)) {
    show(rows[0].number, false);
  } else {
    mark();
  }
}

function lined(one) {
  const item = element("li");
  const button = element("button");
  button.type = "button";
  button.dataset.number = one.number;
  const title = element("span", "row-title", one.title || "(no title)");
  title.dir = "auto";
  const facts = [one.row_id, one.document_type, `${number(one.words)} words`];
  if (one.low !== null) facts.push(`lowest ${one.low}`);
  if (one.kind !== "kept") facts.push(STATES[one.kind]);
  button.append(title, element("span", "row-facts", facts.filter(Boolean).join(" · ")));
  if (one.reasons.length) button.append(element("span", "row-reasons", one.reasons.join(", ")));
  button.addEventListener("click", () => show(one.number, true));
  item.append(button);
  return item;
}

function mark() {
  for (const one of $("list").querySelectorAll("button")) {
    const here = Number(one.dataset.number) === current;
    if (here) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
    if (here) one.scrollIntoView({ block: "nearest" });
  }
}

async function show(wanted, focus) {
  current = wanted;
  const turn = ++shown;
  mark();
  try {
    const row = await get(`row?number=${wanted}`);
    if (turn !== shown) return;
    complain("");
    render(row);
    if (focus) $("title").focus({ preventScroll: true });
    remember("row", String(wanted));
  } catch (fault) {
    complainOf(fault);
  }
}

function render(row) {
  $("entry").hidden = false;
  $("state").textContent = STATES[row.kind];
  $("id").textContent = row.row_id;
  $("place").textContent = row.place;
  $("title").textContent = row.title.text.trim() || "(no title)";
  $("findings").replaceChildren(...findings(row));
  const scenario = row.brief.part === "scenario";
  $("document-name").textContent = scenario ? "Scenario" : "Document";
  $("response-box").hidden = scenario; // nobody responds to one
  put("document", row.document, `(an empty ${row.brief.part})`);
  $("document-size").textContent = size(row.document, row.brief.words);
  if (row.response === null) {
    $("response").replaceChildren(element("span", "none", "(no response)"));
    $("response-size").textContent = "";
  } else {
    put("response", row.response, "(an empty response)");
    $("response-size").textContent = size(row.response, row.brief.response_words);
  }
  scores(row);
  $("fact-box").hidden = row.facts.length === 0;
  $("facts").replaceChildren(...row.facts.flatMap(([name, value]) => {
    const said = element("dd", "", value);
    said.dir = "auto";
    return [element("dt", "", name), said];
  }));
}

function findings(row) {
  if (row.findings.length === 0) return [element("li", "fine", "No gate says anything.")];
  return row.findings.map((one) => {
    const item = element("li");
    const detail = element("span", "detail", one.detail);
    detail.dir = "auto";
    item.append(element("strong", "", one.reason), `: ${one.said} `, detail);
    return item;
  });
}

function scores(row) {
  const names = Object.entries(row.scores);
  $("score-box").hidden = names.length === 0 && row.analysis === "";
  $("scores").replaceChildren(...names.map(([name, score]) => {
    const line = element("tr");
    const head = element("th", "", name);
    head.scope = "row";
    line.append(head, element("td", "", String(score)));
    return line;
  }));
  $("analysis").textContent = row.analysis;
}

function put(id, text, empty) {
  const box = $(id);
  box.replaceChildren();
  box.scrollTop = 0;
  if (text.text.trim() === "" && !text.left_out) {
    box.append(element("span", "none", empty));
    return;
  }
  box.append(document.createTextNode(text.text));
  if (text.left_out) box.append(element("span", "cut", `\n[cut here for display; ${number(text.left_out)} more characters]`));
}

function size(text, words) {
  return `${number(words)} words, ${number(text.length)} characters`;
}

async function step(by) {
  const at = rows.findIndex((one) => one.number === current);
  if (at + by >= rows.length && rows.length < total) await load(true);
  const next = rows[Math.max(0, at + by)];
  if (next && next.number !== current) await show(next.number, true);
}

async function spread() {
  if (!$("spread-box").open) return;
  try {
    const { lines } = await get("spread");
    $("spread").replaceChildren(...Object.entries(lines).flatMap(([part, said]) => {
      const items = element("ul");
      items.append(...said.map((one) => element("li", "", one)));
      return [element("h3", "", part), items];
    }));
  } catch (fault) {
    complainOf(fault);
  }
}

function choices(id, counted) {
  for (const one of counted) {
    const choice = element("option", "", `${one.name} (${number(one.count)})`);
    choice.value = one.name;
    if (one.said) choice.title = one.said;
    $(id).append(choice);
  }
}

function clear() {
  $("filters").reset();
}

function setTheme(name) {
  if (name === THEMES[0]) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  $("theme").textContent = `Theme: ${name}`;
  remember("theme", name);
}

function setKeys(on) {
  $("keys").setAttribute("aria-pressed", String(on));
  $("keys").textContent = `Keys: ${on ? "on" : "off"}`;
  remember("keys", on ? "on" : "off");
}

function remember(name, value) {
  try { sessionStorage.setItem(name, value); } catch { /* a browser that keeps nothing: the default the next time */ }
}

function remembered(name) {
  try { return sessionStorage.getItem(name); } catch { return null; }
}

const KEYS = {
  j: () => step(1), k: () => step(-1), d: () => $("document").focus(), r: () => $("response").focus(),
  f: () => $("what").focus(), "/": () => $("find").focus(), c: clear,
  v: () => { $("spread-box").open = !$("spread-box").open; },
};

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target.closest("input, select")) {
    if (event.key === "Escape") { event.preventDefault(); $("title").focus(); }
    return;
  }
  if ($("keys").getAttribute("aria-pressed") !== "true") return;
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

async function start() {
  document.addEventListener("keydown", pressed);
  for (const name of FILTERS) $(name).addEventListener(name === "find" ? "input" : "change", () => load(false));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  // The fields are empty only after the event.
  $("filters").addEventListener("reset", () => setTimeout(() => load(false)));
  $("more").addEventListener("click", () => load(true));
  $("spread-box").addEventListener("toggle", spread);
  $("keys").addEventListener("click", () => setKeys($("keys").getAttribute("aria-pressed") !== "true"));
  $("theme").addEventListener("click", () => {
    const now = $("theme").textContent.replace("Theme: ", "");
    setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  });
  if (THEMES.includes(remembered("theme"))) setTheme(remembered("theme"));
  setKeys(remembered("keys") !== "off");
  try {
    const told = await get("told");
    $("name").textContent = told.name;
    const { clean, flagged, unreadable, rejected } = told.counts;
    $("counts").textContent = `${number(clean + flagged + unreadable)} rows, ${number(flagged + unreadable)} flagged, `
      + `${number(rejected)} rejected on the way`;
    $("simulated").hidden = !told.simulated;
    $("notes").hidden = told.notes.length === 0;
    $("notes").replaceChildren(...told.notes.map((one) => element("li", "", one)));
    $("bounds").hidden = !told.scored;
    choices("reason", told.reasons);
    choices("type", told.types);
    choices("model", told.models);
    $("type").parentElement.hidden = told.types.length === 0;
    $("model").parentElement.hidden = told.models.length === 0;
    current = Number(remembered("row")) || 0;
    await load(false);
    if (current && rows.some((one) => one.number === current)) show(current, false);
  } catch (fault) {
    complainOf(fault);
  }
}

start();
