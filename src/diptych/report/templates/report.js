"use strict";
(function () {
  const PAGE = 25;
  const data = JSON.parse(document.getElementById("data").textContent);
  const tables = JSON.parse(document.getElementById("tables").textContent);
  const passages = data.passages;
  const place = new Map(passages.map((passage, index) => [passage.id, index]));
  const form = document.getElementById("filters");
  const list = document.getElementById("list");
  const shown = document.getElementById("shown");
  const chip = document.getElementById("chip");
  const pages = document.getElementById("pages");
  const originals = new Map(); // place of a document → its code points, from the reader's own copy
  let answered = []; // conditions on predictions: [place of facet, place of value]
  let quarrelled = ""; // the facet on which coders must differ
  let found = passages.map((_, index) => index);
  let current = 0;

  function say(key, gaps) {
    return data.text[key].replace(/\{(\w+)\}/g, (gap, name) => gaps && name in gaps ? String(gaps[name]) : gap);
  }

  function make(tag, name, text) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  function share(part) {
    return Math.round(100 * part) + "\u00a0%";
  }

  function named(name) {
    return form.querySelector("[name='" + name + "']");
  }

  // filtering

  function searchable(passage) {
    if (passage.low === undefined) {
      passage.low = [passage.id, data.sections[passage.s], passage.t].join("\n").toLowerCase();
    }
    return passage.low;
  }

  function judged(passage) {
    const known = passage.p.map((guess, facet) => guess && passage.v[facet] >= 0 ? guess[0] === passage.v[facet] : null);
    if (known.includes(false)) return "wrong";
    return known.includes(true) ? "right" : "";
  }

  function clear() {
    form.querySelectorAll("select, input").forEach((field) => { field.value = ""; });
    answered = [];
    quarrelled = "";
  }

  function apply() {
    const author = named("author").value;
    const coders = named("coders").value;
    const prediction = named("prediction") ? named("prediction").value : "";
    const words = named("words").value.trim().toLowerCase();
    const wanted = [];
    form.querySelectorAll("select[data-facet]").forEach((select, facet) => {
      if (select.value) wanted.push([facet, data.facets[facet].values.findIndex((value) => value[0] === select.value)]);
    });
    found = [];
    passages.forEach((passage, index) => {
      if ((!author || data.authors[passage.a] === author)
        && (!coders || (passage.q.length ? "differ" : "agree") === coders)
        && (!prediction || judged(passage) === prediction)
        && wanted.every(([facet, value]) => passage.v[facet] === value)
        && answered.every(([facet, value]) => passage.p[facet] && passage.p[facet][0] === value)
        && (!quarrelled || passage.q.some((quarrel) => quarrel.f === quarrelled))
        && (!words || searchable(passage).includes(words))) found.push(index);
    });
    current = 0;
    shown.textContent = say("shown", {n: found.length, of: passages.length});
    const extra = answered.map(([facet, value]) => data.facets[facet].name + ": " + say("predicted_is", {value: data.facets[facet].values[value][1]}));
    if (quarrelled) extra.push(data.facets.find((facet) => facet.id === quarrelled).name + ": " + say("differ"));
    chip.hidden = !extra.length;
    chip.textContent = extra.join(", ") + " ✕";
    chip.title = say("remove");
    show();
  }

  function show() {
    const last = Math.max(0, Math.ceil(found.length / PAGE) - 1);
    current = Math.min(Math.max(current, 0), last);
    list.replaceChildren(...found.slice(current * PAGE, (current + 1) * PAGE).map((index) => item(passages[index])));
    list.start = current * PAGE + 1;
    pages.hidden = last === 0;
    pages.querySelector("output").textContent = say("page", {n: current + 1, of: last + 1});
    pages.querySelector(".previous").disabled = current === 0;
    pages.querySelector(".next").disabled = current === last;
  }

  // one passage

  function item(passage) {
    const entry = make("li");
    entry.id = "p-" + passage.id;
    entry.tabIndex = -1;
    const where = make("p", "where");
    where.append(make("b", "", data.authors[passage.a]), " · " + data.sections[passage.s] + " · ");
    const link = make("a", "id", passage.id);
    link.href = "#p-" + encodeURIComponent(passage.id);
    link.title = say("link");
    const spans = passage.o.map(([start, end]) => start + "–" + end).join(", ");
    where.append(link, " · " + say("place", {spans: spans}) + " · " + say("words", {n: passage.w}));
    const text = make("p", "text", passage.t || say("no_digest"));
    text.dir = "auto";
    entry.append(where, text);
    const own = originals.get(passage.d);
    if (own) {
      const quote = make("blockquote", "own-text");
      quote.dir = "auto";
      const slices = passage.o.map(([start, end]) => own.slice(start, end).join("")).join("\n");
      quote.append(make("b", "", say("own_text") + " "), slices.replace(/\s*[\r\n]+\s*/g, " "));
      entry.append(quote);
    }
    const values = make("p", "values");
    data.facets.forEach((facet, f) => {
      const guess = passage.p[f];
      if (passage.v[f] < 0 && !guess) return;
      const line = make("span");
      line.append(facet.name + ": ");
      if (passage.v[f] >= 0) {
        line.append(make("b", "", facet.values[passage.v[f]][1]));
        if (passage.h[f] >= 0) line.append(" ", make("i", "", data.hows[passage.h[f]]));
      }
      if (guess) {
        const right = passage.v[f] < 0 ? "guess" : guess[0] === passage.v[f] ? "guess hit" : "guess miss";
        const mark = passage.v[f] < 0 ? "" : guess[0] === passage.v[f] ? " ✓" : " ✗";
        line.append(" ", make("span", right, say("predicted") + " " + facet.values[guess[0]][1] + " " + share(guess[1]) + mark));
      }
      values.append(line, " ");
    });
    entry.append(values);
    for (const quarrel of passage.q) entry.append(dispute(quarrel));
    if (passage.m.length) entry.append(moved(passage));
    return entry;
  }

  function dispute(quarrel) {
    const facet = data.facets.find((one) => one.id === quarrel.f);
    const label = (id) => {
      const value = facet.values.find((one) => one[0] === id);
      return value ? value[1] : String(id);
    };
    const line = make("p", "dispute");
    const sides = Object.entries(quarrel.v).map(([coder, value]) => coder + " " + label(value) + (quarrel.c[coder] ? " (" + quarrel.c[coder] + ")" : ""));
    line.append(make("b", "", facet.name + ": " + say("differ") + ". "), sides.join(", ") + "; ");
    line.append(quarrel.a ? say("decided") + " " + label(quarrel.a) : say("open"));
    if (quarrel.r || quarrel.y) line.append(" – " + [quarrel.r, quarrel.y].filter(Boolean).join(": "));
    return line;
  }

  function moved(passage) {
    const box = make("details", "moved");
    box.append(make("summary", "", say("moved")));
    passage.m.forEach((one, f) => {
      if (!one) return;
      const facet = data.facets[f];
      const line = make("p");
      line.dir = "auto";
      line.append(facet.name + ": ", make("b", "", facet.values[one[0]][1]), " " + share(one[1]) + " ");
      for (const [word, fall] of one[2]) {
        line.append(" ", make("span", fall > 0 ? "for" : "against", word + " " + (fall > 0 ? "+" : "−") + Math.abs(100 * fall).toFixed(0)));
      }
      box.append(line);
    });
    box.append(make("p", "notes", say("moved_note")));
    return box;
  }

  // links from numbers to passages

  function follow(link) {
    clear();
    quarrelled = link.dataset.differ || "";
    const facets = (link.dataset.facets || "").split(" x ");
    const values = (link.dataset.value || "").split(" x ");
    named("author").value = link.dataset.author || "";
    const number = (id) => data.facets.findIndex((facet) => facet.id === id);
    const choice = (facet, id) => data.facets[facet].values.findIndex((value) => value[0] === id);
    const selects = Array.from(form.querySelectorAll("select[data-facet]"));
    facets.forEach((id, i) => {
      const facet = number(id);
      if (facet < 0) return;
      if ("predicted" in link.dataset) answered.push([facet, choice(facet, values[i])]);
      else selects[facet].value = values[i];
      if (link.dataset.answer) answered.push([facet, choice(facet, link.dataset.answer)]);
    });
    apply();
  }

  function open(id) {
    if (!place.has(id)) return;
    const index = place.get(id);
    if (!found.includes(index)) {
      clear();
      apply();
    }
    current = Math.floor(found.indexOf(index) / PAGE);
    show();
    const entry = document.getElementById("p-" + id);
    entry.scrollIntoView();
    entry.focus({preventScroll: true});
  }

  function fromAddress() {
    let name = "";
    try {
      name = decodeURIComponent(location.hash.slice(1));
    } catch (error) { /* an address that somebody mistyped */ }
    if (name.startsWith("p-")) open(name.slice(2));
  }

  form.addEventListener("input", () => apply());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault(); // the browser would empty the fields only after this
    clear();
    apply();
  });
  chip.addEventListener("click", () => {
    answered = [];
    quarrelled = "";
    apply();
    shown.focus();
  });
  pages.querySelector(".previous").addEventListener("click", () => {
    current -= 1;
    show();
    list.firstElementChild.focus();
  });
  pages.querySelector(".next").addEventListener("click", () => {
    current += 1;
    show();
    list.firstElementChild.focus();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link) return;
    if (link.classList.contains("to-evidence")) {
      follow(link);
    } else if (link.classList.contains("to-passage")) {
      event.preventDefault();
      open(decodeURIComponent(link.getAttribute("href").slice(3)));
      history.pushState(null, "", link.getAttribute("href"));
    }
  });
  window.addEventListener("hashchange", fromAddress);

  // tables: download and copy what the command line prints

  for (const tools of document.querySelectorAll(".tools")) {
    const name = tools.dataset.table;
    tools.hidden = false;
    tools.querySelector(".csv").addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([tables[name]], {type: "text/csv"}));
      link.download = name + ".csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
    const copy = tools.querySelector(".copy");
    copy.addEventListener("click", async () => {
      await copied(tables[name]);
      const label = copy.textContent;
      copy.textContent = say("copied");
      setTimeout(() => { copy.textContent = label; }, 1500);
    });
  }

  async function copied(text) {
    if (navigator.clipboard) {
      try {
        await navigator.clipboard.writeText(text);
        return;
      } catch (error) { /* not allowed here: the older way */ }
    }
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }

  // the reader's own copy of a document: checked, read in the page, sent nowhere

  const own = document.getElementById("own");
  const said = document.getElementById("own-said");
  own.hidden = !data.documents.some((one) => one.sha256);

  async function hash(buffer) {
    const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function read(file) {
    if (!window.crypto || !crypto.subtle) return say("insecure");
    const buffer = await file.arrayBuffer();
    const sum = await hash(buffer);
    const index = data.documents.findIndex((one) => one.sha256 === sum);
    if (index < 0) return say("unknown", {file: file.name, hash: sum});
    const known = data.documents[index];
    try {
      const big = known.decoder === "utf-16" && new Uint8Array(buffer)[0] === 0xfe;
      const decoder = new TextDecoder(big ? "utf-16be" : known.decoder, {fatal: true, ignoreBOM: !known.mark});
      originals.set(index, Array.from(decoder.decode(buffer)));
    } catch (error) {
      return say("undecodable", {file: file.name, encoding: known.encoding});
    }
    return say("checked", {file: file.name, title: known.title});
  }

  document.getElementById("own-file").addEventListener("change", async (event) => {
    const results = [];
    for (const file of event.target.files) results.push(await read(file));
    said.textContent = results.join(" ");
    show();
  });

  // on paper all passages that are chosen stand, up to 400

  window.addEventListener("beforeprint", () => {
    list.replaceChildren(...found.slice(0, 400).map((index) => item(passages[index])));
    list.start = 1;
  });
  window.addEventListener("afterprint", show);

  form.hidden = false;
  apply();
  fromAddress();
})();
