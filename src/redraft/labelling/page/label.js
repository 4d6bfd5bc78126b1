"use strict";
// The label page. Texts of models and users only ever become text nodes: the policy forbids markup made by scripts.

const $ = (id) => document.getElementById(id);
const KEYS = {
  "1": "left", ArrowLeft: "left", "2": "right", ArrowRight: "right", "0": "tie", s: "skip", u: "undo", Backspace: "undo",
  r: "revisit",
};
const SAID = {
  left: "Saved: left is better.", right: "Saved: right is better.", tie: "Saved: no difference.", skip: "Skipped.",
  undo: "Undone.", revisit: "Back to what was skipped.", note: "Note saved.",
};
const THEMES = ["as the system", "light", "dark"];
let view = null;
let queue = Promise.resolve();

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function put(box, shown, empty) {
  box.replaceChildren();
  if (shown.text.trim() === "" && !shown.left_out) {
    box.append(element("span", "none", empty));
    return;
  }
  box.append(document.createTextNode(shown.text));
  if (shown.left_out) {
    const words = `\n[cut here for display; ${shown.left_out.toLocaleString("en")} more characters]`;
    box.append(element("span", "cut", words));
  }
}

function size(shown) {
  return `${shown.length.toLocaleString("en")} characters`;
}

function render(next, said) {
  const moved = !view || !view.pair || !next.pair || view.pair.place !== next.pair.place;
  view = next;
  const done = view.labelled + view.skipped;
  $("bar").max = view.total;
  $("bar").value = done;
  $("count").textContent =
    `${view.labelled} of ${view.total} labelled` + (view.skipped ? `, ${view.skipped} skipped` : "");
  $("saved").textContent = said || "";
  $("undo").disabled = !view.undoable;
  $("work").hidden = !view.pair;
  $("done").hidden = Boolean(view.pair);
  for (const one of document.querySelectorAll('.choice, [data-act="skip"], #note-open')) one.disabled = !view.pair;
  if (view.pair) showPair(view.pair, moved);
  else showEnd();
}

function showPair(pair, moved) {
  if (!moved) return;
  $("place").textContent = `Pair ${pair.place} of ${view.total}`;
  const box = $("conversation");
  box.replaceChildren();
  if (pair.left_out) box.append(element("p", "cut", `${pair.left_out} earlier messages are not shown.`));
  for (const one of pair.messages) {
    const message = element("div", "message");
    message.append(element("span", "role", one.role));
    const text = element("div", "text");
    text.dir = "auto";
    put(text, one.text, "(an empty message)");
    message.append(text);
    box.append(message);
  }
  for (const side of ["left", "right"]) {
    put($(side), pair[side], "(an empty answer)");
    $(`${side}-size`).textContent = size(pair[side]);
    $(side).scrollTop = 0;
  }
  $("note").value = pair.note;
  $("note-box").hidden = pair.note === "";
  $("place").focus({ preventScroll: true });
  window.scrollTo(0, 0);
  // What is answered stands at the end.
  box.scrollTop = box.scrollHeight;
}

function showEnd() {
  $("done-title").textContent = view.skipped ? "Done, but for what was skipped" : "Done. Thank you!";
  $("done-words").textContent =
    `${view.labelled} pairs are labelled` + (view.skipped ? `, ${view.skipped} skipped.` : ".");
  $("revisit").hidden = !view.skipped;
  $("done-title").focus();
}

function complain(words) {
  $("fault").textContent = words;
  $("fault").hidden = words === "";
}

async function ask(path, order) {
  const options = order
    ? { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order) }
    : {};
  const answer = await fetch(path, { ...options, cache: "no-store", redirect: "error" });
  return { status: answer.status, body: await answer.json() };
}

function unsavedNote() {
  return $("note").value.trim() === view.pair.note ? null : $("note").value;
}

// Where the person is: whatever was meant for another place is not done here.
function place() {
  return view && `${view.labelled} ${view.skipped} ${view.pair ? view.pair.place : ""}`;
}

// One after another: leaving the note saves it, and the click that left it comes next. A second press of the same key
// was meant for the pair that the first one has labelled.
function act(name) {
  const meant = place();
  queue = queue.then(() => (view && meant === place() ? send(name) : null));
  return queue;
}

async function send(name) {
  const note = view.pair ? unsavedNote() : null;
  if (name === "note" && note === null) return; // nothing new in it
  try {
    const { status, body } = await ask("act", { version: view.version, act: name, note });
    if (status === 200) {
      complain("");
      render(body, SAID[name]);
    } else if (status === 409) {
      complain("");
      view = null;
      render(body, "This was done already, perhaps in another tab. Here is where you are.");
    } else {
      complain(`Not saved: ${body.fault}`);
    }
  } catch {
    complain("Not saved: the server does not answer. Start redraft label again and open its new address; nothing that was saved is lost.");
  }
}

function openNote() {
  if (!view || !view.pair) return;
  $("note-box").hidden = false;
  $("note").focus();
}

async function closeNote() {
  await act("note");
  $("note-box").hidden = $("note").value.trim() === "";
  $("place").focus();
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

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (event.target === $("note")) {
    if (event.key === "Escape") { event.preventDefault(); closeNote(); }
    return;
  }
  if ($("keys").getAttribute("aria-pressed") !== "true") return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const name = KEYS[key];
  const own = { n: openNote, g: () => { $("guidelines").open = !$("guidelines").open; } }[key];
  if (!name && !own) return;
  event.preventDefault();
  // A key held down must not label one pair after another.
  if (event.repeat) return;
  if (own) own();
  else if (!allowed(name)) $("saved").textContent = "That is not possible here.";
  else act(name);
}

function allowed(name) {
  if (!view) return false;
  if (name === "undo") return view.undoable;
  if (name === "revisit") return !view.pair && view.skipped > 0;
  return Boolean(view.pair);
}

async function start() {
  document.addEventListener("keydown", pressed);
  for (const one of document.querySelectorAll("[data-act]")) one.addEventListener("click", () => act(one.dataset.act));
  $("note-open").addEventListener("click", openNote);
  $("note").addEventListener("blur", () => act("note"));
  $("keys").addEventListener("click", () => setKeys($("keys").getAttribute("aria-pressed") !== "true"));
  $("theme").addEventListener("click", () => {
    const now = $("theme").textContent.replace("Theme: ", "");
    setTheme(THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]);
  });
  if (THEMES.includes(remembered("theme"))) setTheme(remembered("theme"));
  setKeys(remembered("keys") !== "off");
  try {
    const told = (await ask("told")).body;
    $("by").textContent = told.by;
    $("simulated").hidden = !told.simulated;
    $("criteria").replaceChildren(...told.criteria.map((one) => element("li", "", one)));
    const state = (await ask("state")).body;
    if (state.labelled + state.skipped > 0) $("guidelines").open = false;
    render(state, "");
  } catch {
    complain("The server does not answer. Start redraft label again and open its new address.");
  }
}

start();
