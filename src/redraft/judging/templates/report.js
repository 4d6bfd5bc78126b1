"use strict";
// Filters and examples of the report. Texts of others come in as data and leave as textContent only; the page's policy
// forbids everything else.
(() => {
  const PAGE = 20;
  const byId = (id) => document.getElementById(id);

  function make(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined || value === false) continue;
      if (key === "text") element.textContent = value;
      else if (key === "class") element.className = value;
      else element.setAttribute(key, value === true ? "" : value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  function theme() {
    const button = byId("theme");
    const names = { auto: "as the system", light: "light", dark: "dark" };
    const order = Object.keys(names);
    let now = "auto";
    try { now = localStorage.getItem("redraft-colours") || "auto"; } catch { /* a file may have no storage */ }
    if (!order.includes(now)) now = "auto";
    const show = () => {
      if (now === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = now;
      button.textContent = `Colours: ${names[now]}`;
    };
    button.addEventListener("click", () => {
      now = order[(order.indexOf(now) + 1) % order.length];
      try { localStorage.setItem("redraft-colours", now); } catch { /* then it holds until the page is closed */ }
      show();
    });
    button.hidden = false;
    show();
  }

  function copying() {
    for (const button of document.querySelectorAll("button.copy")) {
      button.hidden = false;
      button.addEventListener("click", async () => {
        const source = byId(button.dataset.copies);
        try {
          await navigator.clipboard.writeText(source.textContent);
          button.textContent = "Copied";
        } catch {
          getSelection().selectAllChildren(source);
          button.textContent = "Selected: copy it now";
        }
      });
    }
  }

  async function unpacked(text) {
    const packed = atob(text);
    const bytes = new Uint8Array(packed.length);
    // Uint8Array.from with a function would take twenty times as long.
    for (let index = 0; index < packed.length; index += 1) bytes[index] = packed.charCodeAt(index);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  class Browser {
    constructor(data, root) {
      this.data = data;
      this.root = root;
      this.list = make("div", { id: "list" });
      this.said = make("p", { class: "note", role: "status", "aria-live": "polite", id: "found" });
      this.more = make("button", { type: "button", id: "more", text: "Show more" });
      this.more.addEventListener("click", () => this.grow(true));
      this.controls = {};
      this.searched = data.rows.map(() => null);
      const pairs = data.pairs.map((pair, index) => [String(index), `${pair.a} against ${pair.b}`]);
      const kinds = [
        ["A won", pairs.length > 1 ? "the first model won" : `${data.pairs[0].a} won`],
        ["B won", pairs.length > 1 ? "the second model won" : `${data.pairs[0].b} won`],
        ["both orders tied", "no difference"], ["changed its mind", "the judge changed its mind"],
        ["judges differ", "the judges differ"], ["no verdict", "no verdict"],
      ].filter(([kind]) => data.rows.some((row) => row.kind === kind));
      const every = (values) => [...new Set(values)].sort().map((value) => [value, value.replaceAll("_", " ")]);
      const bar = make("form", { class: "filters", role: "search", "aria-label": "Filter the examples" },
        this.search(),
        this.choice("pair", "Comparison", pairs),
        this.choice("kind", "Verdict", kinds),
        this.choice("status", "Judge's answer", every(data.rows.flatMap((row) => row.said.map((one) => one.status)))),
        this.choice("flag", "Found in an answer", every(data.rows.flatMap((row) => row.flags.map((flag) => flag.slice(3))))),
        this.choice("people", "People said", every(data.rows.flatMap((row) => (row.people ? [row.people] : [])))),
      );
      bar.addEventListener("submit", (event) => event.preventDefault());
      root.append(bar, this.said, this.list, this.more);
      document.addEventListener("keydown", (event) => this.key(event));
      this.filter();
    }

    search() {
      const input = make("input", { type: "search", id: "search", "aria-keyshortcuts": "/", autocomplete: "off" });
      input.addEventListener("input", () => this.filter());
      this.controls.search = input;
      return make("label", {}, make("span", { text: "Search (press /)" }), input);
    }

    choice(name, title, options) {
      if (options.length < 2 && !(name === "flag" && options.length)) return null;
      const select = make("select", { id: `by-${name}` }, make("option", { value: "", text: "all" }),
        ...options.map(([value, text]) => make("option", { value, text })));
      if (name === "flag") select.append(make("option", { value: "*", text: "anything" }));
      select.addEventListener("change", () => this.filter());
      this.controls[name] = select;
      return make("label", {}, make("span", { text: title }), select);
    }

    key(event) {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        this.controls.search.focus();
      } else if (event.key === "Escape" && event.target === this.controls.search && this.controls.search.value) {
        this.controls.search.value = "";
        this.filter();
      }
    }

    text(number) { return number === null ? "" : this.data.texts[number][0]; }

    words(index) {
      if (this.searched[index] === null) {
        const row = this.data.rows[index];
        const parts = [row.id, row.failureA, row.failureB, this.text(row.a), this.text(row.b),
          ...row.messages.map(([, number]) => this.text(number)),
          ...row.said.flatMap((one) => [one.judge, this.text(one.words), one.detail])];
        this.searched[index] = parts.join("\n").toLowerCase();
      }
      return this.searched[index];
    }

    wanted(row, index) {
      const chosen = (name) => (this.controls[name] ? this.controls[name].value : "");
      const [pair, kind, status, flag, people] = ["pair", "kind", "status", "flag", "people"].map(chosen);
      const search = chosen("search").trim().toLowerCase();
      return (!pair || row.pair === Number(pair)) && (!kind || row.kind === kind)
        && (!status || row.said.some((one) => one.status === status))
        && (!flag || (flag === "*" ? row.flags.length > 0 : row.flags.some((one) => one.slice(3) === flag)))
        && (!people || row.people === people)
        && (!search || this.words(index).includes(search));
    }

    filter() {
      this.found = this.data.rows.filter((row, index) => this.wanted(row, index));
      this.list.replaceChildren();
      this.grow(false);
    }

    grow(focus) {
      const from = this.list.childElementCount;
      const added = this.found.slice(from, from + PAGE).map((row) => this.example(row));
      this.list.append(...added);
      if (!from && added.length) added[0].open = true;
      if (focus && added.length) added[0].querySelector("summary").focus();
      const shown = this.list.childElementCount;
      this.more.hidden = shown >= this.found.length;
      const total = this.data.rows.length;
      this.said.textContent = this.found.length
        ? `${this.found.length.toLocaleString("en")} of ${total.toLocaleString("en")} comparisons fit; ${shown.toLocaleString("en")} are listed, in an order by chance.`
        : "No comparison fits.";
    }

    example(row) {
      const pair = this.data.pairs[row.pair];
      const outcome = { "A won": [`${pair.a} won`, pair.hueA], "B won": [`${pair.b} won`, pair.hueB],
        "both orders tied": ["No difference", ""], "changed its mind": ["The judge changed its mind", ""],
        "judges differ": ["The judges differ", ""], "no verdict": ["No verdict", ""] }[row.kind];
      const asked = row.messages.length ? this.text(row.messages.at(-1)[1]) : row.id;
      const details = make("details", { class: "example" }, make("summary", {},
        make("span", { class: `chip ${outcome[1]}` }, make("bdi", { text: outcome[0] })),
        row.flags.length ? make("span", { class: "chip flag", text: "flagged" }) : null,
        make("span", { class: "asked", dir: "auto", text: asked.slice(0, 140) })));
      // What is inside is made when it is first opened.
      details.addEventListener("toggle", () => {
        if (details.open && details.childElementCount === 1) details.append(...this.inside(row, pair));
      });
      return details;
    }

    inside(row, pair) {
      const context = make("div", { class: "context" },
        row.earlier ? make("p", { class: "cut", text: `${row.earlier} earlier messages are not shown.` }) : null,
        ...row.messages.map(([role, number]) => make("div", { class: `message ${role}` },
          make("span", { class: "role", text: role }), this.long(number))));
      const answers = make("div", { class: "answers" },
        this.answer(pair.a, row.a, row.failureA, pair.hueA, row.kind === "A won"),
        this.answer(pair.b, row.b, row.failureB, pair.hueB, row.kind === "B won"));
      const several = new Set(row.said.map((one) => one.judge)).size > 1;
      const judge = make("dl", { class: "judge" }, ...row.said.flatMap((one) => this.saying(one, pair, several)));
      const notes = [...row.flags.map((flag) => `${flag[0] === "A" ? pair.a : pair.b}: ${flag.slice(3)}`)];
      if (row.people) notes.push(`a person said: ${{ win: `${pair.a} is better`, loss: `${pair.b} is better`, tie: "no difference" }[row.people]}`);
      return [context, answers, judge,
        notes.length ? make("p", { class: "id flags" }, make("bdi", { text: notes.join("; ") })) : null,
        make("p", { class: "id" }, "context ", make("bdi", { text: row.id }))].filter((one) => one !== null);
    }

    answer(name, number, failure, hue, won) {
      const head = make("h5", {}, make("bdi", { text: name }), won ? make("span", { class: "mark", text: "preferred" }) : null);
      let body;
      if (number === null) body = make("p", { class: "none", text: `No answer: ${failure || "the call failed"}.` });
      else if (!this.text(number).trim()) body = make("p", { class: "none", text: "An empty answer." });
      else body = this.long(number);
      return make("div", { class: `answer ${hue}${won ? " won" : ""}` }, head, body);
    }

    long(number) {
      const [text, over] = this.data.texts[number];
      return make("div", { class: "text", dir: "auto", tabindex: "0" }, text,
        over ? make("span", { class: "cut", text: ` … ${over.toLocaleString("en")} more characters` }) : null);
    }

    saying(one, pair, several) {
      const verdict = one.winner ? `${one.winner === "A" ? pair.a : pair.b} is better${one.strength ? ` (${one.strength})` : ""}`
        : one.status === "tie" ? "no difference" : one.status.replaceAll("_", " ");
      const words = one.words === null || !this.text(one.words) ? null : this.long(one.words);
      const asked = one.attempts > 1 ? `, asked ${one.attempts} times` : "";
      return [
        make("dt", {}, make("bdi", { text: one.order === "AB" ? pair.a : pair.b }), ` shown first${asked}`,
          several ? make("span", { class: "by", text: one.judge }) : null),
        make("dd", {}, make("b", {}, make("bdi", { text: verdict })), words,
          one.detail ? make("span", { class: "cut", dir: "auto", text: one.detail }) : null),
      ];
    }
  }

  async function examples() {
    const pieces = [...document.querySelectorAll("script.data")];
    if (!pieces.length) return;
    let data;
    try {
      data = await unpacked(pieces.map((piece) => piece.textContent).join(""));
    } catch (fault) {
      const said = byId("unpacked");
      said.textContent = `This browser cannot unpack the examples (${fault.name}); those picked by chance follow.`;
      said.hidden = false;
      return;
    }
    new Browser(data, byId("browser"));
    byId("browser").hidden = false;
    byId("static").hidden = true;
    performance.mark("redraft-ready");
    document.documentElement.dataset.ready = "";
  }

  theme();
  copying();
  examples();
})();
