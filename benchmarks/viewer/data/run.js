// The run: a matrix of tasks by planners, filters, permalinks, and up to four trees side by side.

const MOST = 4;

class Viewer {
  constructor(data, host, { fetchTree = null, notes = null, live = null } = {}) {
    this.data = data;
    this.host = host;
    this.text = reading(data.texts);
    this.fetchTree = fetchTree;
    this.live = live;
    this.notes = notes ?? {};
    this.saveNotes = null;
    this.grown = new Map();
    this.state = this._stateOf(location.hash);
    this._index();
    this._build();
    this.render();
    this.left = new AbortController();
    const { signal } = this.left;
    window.addEventListener("hashchange", () => {
      if (location.hash.length > 1 && !location.hash.includes("=")) return; // a link in the page
      const wanted = this._stateOf(location.hash);
      if (JSON.stringify(wanted) !== JSON.stringify(this.state)) {
        this.state = wanted;
        this.render();
      }
    }, { signal });
    document.addEventListener("keydown", (event) => this._key(event), { signal });
    window.addEventListener("beforeprint", () => this.views?.forEach((view) => view.fit()), { signal });
  }

  // Another viewer has taken its place.
  leave() {
    this.left.abort();
    if (this.playing) clearInterval(this.playing);
  }

  // ---------------------------------------------------------------- state

  _stateOf(hash) {
    const told = new URLSearchParams(hash.replace(/^#/, ""));
    const named = (told.get("t") ?? "").split(".").filter((n) => /^\d+$/.test(n)).map(Number);
    const open = [...new Set(named)].filter((n) => n < this.data.trials.length).slice(0, MOST);
    const state = { open, node: told.get("n") ?? "", step: told.get("s") ?? "" };
    for (const what of ["planner", "suite", "outcome", "tool", "q", "sort"]) {
      state[what] = told.get(what) ?? "";
    }
    return state;
  }

  _remember(push) {
    const told = new URLSearchParams();
    const { open, node, step, ...rest } = this.state;
    if (open.length) told.set("t", open.join("."));
    if (node) told.set("n", node);
    if (step) told.set("s", step);
    for (const [key, value] of Object.entries(rest)) if (value) told.set(key, value);
    const hash = told.toString();
    if (location.hash.replace(/^#/, "") !== hash) history[push ? "pushState" : "replaceState"](null, "", `#${hash}`);
  }

  set(changes, { draw = true } = {}) {
    if (changes.open && this.playing) this._play();
    Object.assign(this.state, changes);
    this._remember(changes.open !== undefined);
    if (draw) this.render();
  }

  // ---------------------------------------------------------------- what there is

  _index() {
    const { trials, tasks, runs } = this.data;
    const many = runs.length > 1;
    this.columns = [];
    const seen = new Map();
    this.cells = tasks.map(() => new Map());
    trials.forEach((trial, number) => {
      const key = `${trial.run} ${trial.planner}`;
      if (!seen.has(key)) {
        seen.set(key, this.columns.length);
        const same = runs.filter((run) => run.name === runs[trial.run].name).length > 1;
        const run = runs[trial.run].name + (same ? ` #${trial.run + 1}` : "");
        const name = many ? `${trial.planner} (${run})` : trial.planner;
        this.columns.push({ planner: trial.planner, run: trial.run, name });
      }
      const cell = this.cells[trial.task];
      const column = seen.get(key);
      if (!cell.has(column)) cell.set(column, []);
      cell.get(column).push(number);
    });
    // The same task of two runs is one row.
    this.rows = [];
    const rows = new Map();
    tasks.forEach((task, number) => {
      const key = JSON.stringify([task.suite, task.id, task.digest]);
      if (!rows.has(key)) {
        rows.set(key, { task, number, cells: new Map() });
        this.rows.push(rows.get(key));
      }
      for (const [column, list] of this.cells[number]) rows.get(key).cells.set(column, list);
    });
    this.words = this.rows.map(({ task }) =>
      `${task.suite} ${task.id} ${this.text(task.instruction)}`.toLowerCase());
  }

  _row(number) {
    const { suite, id, digest } = this.data.tasks[this.data.trials[number].task];
    return this.rows.findIndex(({ task }) => task.suite === suite && task.id === id && task.digest === digest);
  }

  differs(row) {
    const outcomes = new Set();
    for (const list of row.cells.values()) {
      outcomes.add(list.map((n) => this.data.trials[n].outcome === "passed").join());
    }
    return outcomes.size > 1;
  }

  matching() {
    const { planner, suite, outcome, tool, q, sort } = this.state;
    const words = q.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.rows.map((row, i) => [row, i]).filter(([row, i]) => {
      if (suite && row.task.suite !== suite) return false;
      if (!words.every((word) => this.words[i].includes(word))) return false;
      if (tool && !(row.task.apis ?? []).some((a) => a.tool === tool || a.name === tool)) return false;
      if (outcome === "differ") return this.differs(row);
      if (outcome || planner) {
        return [...row.cells].some(([column, list]) =>
          (!planner || this.columns[column].planner === planner) &&
          (!outcome || list.some((n) => this.data.trials[n].outcome === outcome)));
      }
      return true;
    });
    if (sort) {
      const column = this.columns.findIndex((c) => c.name === sort);
      const rank = ([row]) => {
        const list = row.cells.get(column) ?? [];
        return list.reduce((sum, n) => sum + (this.data.trials[n].outcome === "passed" ? 1 : 0), 0);
      };
      const calls = ([row]) => [...row.cells.values()].flat()
        .reduce((sum, n) => sum + (this.data.trials[n].spent?.calls ?? 0), 0);
      if (sort === "calls") found.sort((a, b) => calls(b) - calls(a));
      else if (column >= 0) found.sort((a, b) => rank(a) - rank(b));
    }
    return found.map(([row]) => row);
  }

  // ---------------------------------------------------------------- the page

  _build() {
    const { data } = this;
    const choice = (what, label, values) => make("label", {}, `${label} `,
      make("select", {
        name: what, on: { change: (event) => this.set({ [what]: event.target.value }) },
      }, make("option", { value: "", text: "all" }),
      ...values.map(([value, shown]) => make("option", { value, text: clip(shown, 60) }))));
    const planners = [...new Set(this.columns.map((c) => c.planner))].map((p) => [p, p]);
    const suites = [...new Set(data.tasks.map((t) => t.suite))].map((s) => [s, s]);
    const outcomes = [...new Set(data.trials.map((t) => t.outcome))].sort().map((o) => [o, o]);
    const tools = [...new Set(data.tasks.flatMap((t) => (t.apis ?? []).map((a) => a.tool || a.name)))];
    this.search = make("input", {
      type: "search", name: "q", placeholder: "text", "aria-label": "filter by text",
      on: { input: (event) => this.set({ q: event.target.value }) },
    });
    this.filters = make("form", { class: "filters", on: { submit: (e) => e.preventDefault() } },
      this.search,
      planners.length > 1 ? choice("planner", "planner", planners) : null,
      suites.length > 1 ? choice("suite", "suite", suites) : null,
      choice("outcome", "outcome", [...outcomes, ["differ", "planners disagree"]]),
      tools.length > 1 ? choice("tool", "tool", tools.sort().map((t) => [t, t])) : null,
      choice("sort", "sort by", [["calls", "calls"], ...this.columns.map((c) => [c.name, c.name])]));
    this.count = make("p", { class: "count", role: "status" });
    this.matrix = make("div", { class: "matrix scroll" });
    this.panes = make("div", { class: "panes" });
    this.aside = make("aside", { class: "aside", tabindex: "-1", "aria-label": "the chosen node" });
    this.slider = make("input", { type: "range", min: "0", step: "1", "aria-label": "step of the search" });
    this.stepped = make("output", { text: "" });
    this.play = make("button", { type: "button", text: "▶ play", on: { click: () => this._play() } });
    this.slider.addEventListener("input", () => this._step(Number(this.slider.value)));
    this.bar = make("div", { class: "bar" },
      make("button", { type: "button", text: "← back to all tasks", on: { click: () => this._back() } }),
      make("button", { type: "button", text: "next where they disagree (d)", class: "differ", on: { click: () => this.nextDiffering() } }),
      make("span", { class: "steps" }, this.play, this.slider, this.stepped));
    this.heading = make("h2", { class: "task", tabindex: "-1" });
    this.told = make("p", { class: "instruction", dir: "auto" });
    this.note = make("textarea", {
      class: "note", rows: "2", "aria-label": "notes on this task", placeholder: "notes on this task",
      on: { change: () => this._note() },
    });
    this.download = make("button", { type: "button", text: "save notes as a file", on: { click: () => this._download() } });
    this.overview = make("section", { class: "overview" }, this.filters, this.count, this.matrix);
    this.opened = make("section", { class: "opened" }, this.bar, this.heading, this.told,
      make("div", { class: "split" }, this.panes, this.aside), legend(),
      make("div", { class: "notes" }, this.note, this.download));
    const warnings = data.runs.flatMap((run) => [
      run.damaged ? `${run.name}: ${run.damaged} damaged lines were left out` : "",
      run.note ? `${run.name}: ${run.note}` : ""]).filter(Boolean);
    this.host.replaceChildren(
      ...warnings.map((text) => make("p", { class: "warning", role: "note", text: visible(text) })),
      this.overview, this.opened);
  }

  render() {
    const { open } = this.state;
    this.overview.hidden = open.length > 0;
    this.opened.hidden = open.length === 0;
    for (const select of this.filters.querySelectorAll("select")) select.value = this.state[select.name];
    if (this.search.value !== this.state.q) this.search.value = this.state.q;
    if (open.length) this._open(); else this._matrix();
  }

  _matrix() {
    const rows = this.matching();
    const { data } = this;
    this.count.textContent = `${rows.length} of ${this.rows.length} tasks`;
    const head = make("tr", {}, make("th", { text: "task", scope: "col" }),
      ...this.columns.map((column) => make("th", { scope: "col" },
        make("span", { text: clip(column.name, 48) }),
        make("small", { text: this._rate(column) }))));
    const body = make("tbody");
    for (const row of rows) {
      const { task } = row;
      const line = make("tr", {}, make("th", { scope: "row", title: clip(this.text(task.instruction), 300) },
        make("button", { type: "button", class: "name", text: clip(task.id, 40), on: { click: () => this.openRow(row) } }),
        make("span", { class: "about", text: clip(this.text(task.instruction), 90) })));
      this.columns.forEach((column, at) => {
        const cell = make("td");
        for (const number of row.cells.get(at) ?? []) {
          const trial = data.trials[number];
          cell.append(make("button", {
            type: "button", class: `cell ${trial.outcome}`, text: OUTCOMES[trial.outcome] ?? "?",
            title: `${trial.outcome}${trial.spent ? `, ${trial.spent.calls} calls` : ""}`,
            "aria-label": `${clip(task.id, 40)}, ${clip(column.name, 40)}: ${trial.outcome}`,
            disabled: trial.end === undefined && !trial.growing, on: { click: () => this.openTrials([number]) },
          }));
        }
        line.append(cell);
      });
      body.append(line);
    }
    this.matrix.replaceChildren(rows.length
      ? make("table", {}, make("thead", {}, head), body)
      : make("p", { text: this.rows.length ? "no task fits these filters" : "no task yet" }));
  }

  _rate(column) {
    const mine = this.data.trials.filter((t) => t.planner === column.planner && t.run === column.run);
    const passed = mine.filter((t) => t.outcome === "passed").length;
    return `${passed} of ${mine.length} passed`;
  }

  openRow(row) {
    const list = [...row.cells.values()].map((numbers) => numbers.find((n) => this.data.trials[n].end !== undefined || this.data.trials[n].growing));
    this.openTrials(list.filter((n) => n !== undefined).slice(0, MOST));
  }

  openTrials(open) {
    if (!open.length) return;
    this.set({ open, node: "", step: "" });
    this.heading.focus({ preventScroll: true });
    this.opened.scrollIntoView({ block: "start" });
  }

  nextDiffering(by = 1) {
    const rows = this.matching();
    const here = this.state.open.length ? rows.indexOf(this.rows[this._row(this.state.open[0])]) : -1;
    for (let i = 1; i <= rows.length; i++) {
      const row = rows[(here + by * i + rows.length * 2) % rows.length];
      if (this.differs(row)) return this.openRow(row);
    }
  }

  // ---------------------------------------------------------------- trees

  async _tree(number) {
    if (this.grown.has(number)) return this.grown.get(number);
    const trial = this.data.trials[number];
    let { tree } = trial;
    let { text } = this;
    if (!tree && this.fetchTree && trial.end !== undefined) {
      const found = await this.fetchTree(number);
      tree = found.tree;
      text = reading(found.texts);
    }
    const grown = tree ? { ...grow(tree, text, trial), text } : null;
    if (grown) this.grown.set(number, grown);
    return grown;
  }

  async _open() {
    const { open } = this.state;
    const { data } = this;
    const task = data.tasks[data.trials[open[0]].task];
    this.heading.textContent = clip(`${task.suite} · ${task.id}`, 120);
    this.told.textContent = visible(this.text(task.instruction) || "(the task cannot be read any more)");
    if (document.activeElement !== this.note) this.note.value = this.notes[`${task.suite} ${task.id}`] ?? "";
    this.bar.querySelector(".differ").hidden = this.columns.length < 2;
    let trees;
    try {
      trees = await Promise.all(open.map((number) => this._tree(number)));
    } catch (error) {
      if (open !== this.state.open) return;
      this.views = [];
      this.aside.replaceChildren();
      this.panes.replaceChildren(make("p", { class: "warning", role: "alert", text: `this tree cannot be shown: ${visible(error.message)}` }));
      return;
    }
    if (open !== this.state.open) return;
    this.views = [];
    const panes = open.map((number, i) => this._pane(number, trees[i]));
    this.panes.replaceChildren(...panes);
    this.panes.style.setProperty("--panes", open.length);
    const most = Math.max(0, ...trees.filter(Boolean).map((tree) => tree.nodes.length - 1));
    this.slider.max = String(most);
    const step = this.state.step === "" ? most : Math.min(Number(this.state.step) || 0, most);
    this.slider.value = String(step);
    for (const view of this.views) view.begin();
    if (step < most) this._step(step);
    else this._say(most, most);
    requestAnimationFrame(() => performance.mark("shown"));
    const first = this.views[0];
    if (first) {
      const wanted = first.tree.byId.get(this.state.node) ?? first.tree.roots[0];
      first.select(wanted);
    } else this.aside.replaceChildren();
  }

  _pane(number, tree) {
    const trial = this.data.trials[number];
    const task = this.data.tasks[trial.task];
    const others = this.rows[this._row(number)].cells;
    const add = make("select", {
      "aria-label": "open another beside it",
      on: { change: (event) => this._beside(Number(event.target.value)) },
    }, make("option", { text: "compare with …", value: "" }));
    for (const [column, list] of others) {
      for (const n of list) {
        if (this.state.open.includes(n) || this.data.trials[n].end === undefined) continue;
        add.append(make("option", { value: String(n), text: clip(`${this.columns[column].name}, trial ${this.data.trials[n].trial}`, 60) }));
      }
    }
    const spent = trial.spent ?? {};
    const head = make("header", {},
      make("b", { text: clip(this.columns.find((c) => c.planner === trial.planner && c.run === trial.run).name, 60) }), " ",
      badge(trial.outcome, trial.outcome),
      make("span", { class: "spent", text: `${spent.calls ?? 0} calls, ${(spent.tokens ?? 0).toLocaleString("en")} tokens` +
        `${trial.limit ? `, ended by its budget of ${trial.limit}` : ""}` }),
      this.state.open.length < MOST && add.children.length > 1 ? add : null,
      this.state.open.length > 1 ? make("button", {
        type: "button", text: "close", on: { click: () => this.set({ open: this.state.open.filter((n) => n !== number) }) },
      }) : null);
    if (!tree) return make("div", { class: "pane" }, head, make("p", { text: "this trial was not run yet" }));
    let view;
    const go = (node) => view.visit(node);
    const toggle = (node) => { view.toggle(node); view.select(node); };
    const choose = (node) => {
      if (this.state.node !== node.id) this.set({ node: node.id }, { draw: false });
      for (const other of this.views) if (other !== view) { other.selected = null; other._ring(); }
      const held = this.aside.contains(document.activeElement);
      this.aside.replaceChildren(card(node, { trial, task, tree, text: this.text, go, toggle }));
      if (held) this.aside.focus({ preventScroll: true });
    };
    view = new TreeView(tree, { choose, label: `the tree of ${clip(trial.planner, 60)}` });
    this.views.push(view);
    const tools = make("div", { class: "tools" },
      make("button", { type: "button", text: "fit", title: "all of it (0)", on: { click: () => view.fit() } }),
      make("button", { type: "button", text: "+", "aria-label": "nearer", on: { click: () => view.zoom(1.3) } }),
      make("button", { type: "button", text: "−", "aria-label": "farther", on: { click: () => view.zoom(1 / 1.3) } }),
      make("button", { type: "button", text: "answer", title: "the winning node (End)", disabled: !tree.byId.get(this._winner(number)),
        on: { click: () => view.visit(tree.byId.get(this._winner(number))) } }),
      make("span", { class: "size", text: `${tree.nodes.length.toLocaleString("en")} nodes` }));
    return make("div", { class: "pane" }, head, tools, view.svg, view.said);
  }

  _winner(number) {
    const grown = this.grown.get(number);
    return grown.nodes.findLast((node) => node.winning)?.id;
  }

  _beside(number) {
    if (Number.isInteger(number)) this.set({ open: [...this.state.open, number].slice(0, MOST) });
  }

  _step(step) {
    const most = Number(this.slider.max);
    for (const view of this.views) view.show(step >= most ? Infinity : step);
    const first = this.views[0];
    const node = first?.tree.order[Math.min(step, first.tree.order.length - 1)];
    if (node && step < most) first.select(node, { quiet: this.playing });
    this._say(step, most);
    this.set({ step: step >= most ? "" : String(step) }, { draw: false });
  }

  _say(step, most) { this.stepped.textContent = `step ${step} of ${most}`; }

  _play() {
    if (this.playing) {
      clearInterval(this.playing);
      this.playing = null;
      this.play.textContent = "▶ play";
      return;
    }
    if (Number(this.slider.value) >= Number(this.slider.max)) this.slider.value = "0";
    this.play.textContent = "❚❚ stop";
    this.playing = setInterval(() => {
      const step = Math.min(Number(this.slider.value) + 1, Number(this.slider.max));
      this.slider.value = String(step);
      this._step(step);
      if (step >= Number(this.slider.max)) this._play();
    }, 350);
  }

  // To all tasks, and to the one that was open.
  _back() {
    const row = this.rows[this._row(this.state.open[0])];
    this.set({ open: [], node: "", step: "" });
    const at = this.matching().indexOf(row);
    this.matrix.querySelectorAll("tbody .name")[at]?.focus();
  }

  // ---------------------------------------------------------------- notes, keys

  _note() {
    const task = this.data.tasks[this.data.trials[this.state.open[0]].task];
    const key = `${task.suite} ${task.id}`;
    if (this.note.value) this.notes[key] = this.note.value; else delete this.notes[key];
    this.saveNotes?.({ [key]: this.note.value });
  }

  _download() {
    const url = URL.createObjectURL(new Blob([JSON.stringify(this.notes, null, 1)], { type: "application/json" }));
    make("a", { href: url, download: "notes.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  _key(event) {
    const writing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName ?? "") &&
      event.target.type !== "range";
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && this.state.open.length && !writing) {
      this._back();
    } else if (writing) return;
    else if (event.key === "d") this.nextDiffering();
    else if (event.key === "D") this.nextDiffering(-1);
    else if (event.key === "/" && !this.state.open.length) { event.preventDefault(); this.search.focus(); }
    else if (event.key === "," || event.key === ".") {
      if (!this.state.open.length) return;
      const by = event.key === "." ? 1 : -1;
      const step = Math.min(Math.max(Number(this.slider.value) + by, 0), Number(this.slider.max));
      this.slider.value = String(step);
      this._step(step);
    } else if (event.key === "j" || event.key === "k") {
      const rows = this.matching();
      const here = this.state.open.length ? rows.indexOf(this.rows[this._row(this.state.open[0])]) : -1;
      const row = rows[here + (event.key === "j" ? 1 : -1)];
      if (row) this.openRow(row);
    }
  }

  // ---------------------------------------------------------------- a run that grows

  update(number, trial, texts) {
    if (!this.data.trials[number]) return;
    const text = reading(texts ?? []);
    for (const what of ["answer", "error"]) trial[what] = text(trial[what]);
    if (trial.verdict) trial.verdict.reason = text(trial.verdict.reason);
    for (const vote of trial.verdict?.votes ?? []) vote[2] = text(vote[2]);
    this.data.trials[number] = { ...trial, task: this.data.trials[number].task };
    this.grown.delete(number);
    if (!this.state.open.length) this._matrix();
    else if (this.state.open.includes(number)) this.render();
  }

  // A tree that is not finished, as far as it is grown.
  growing(number, { tree, texts }) {
    const text = reading(texts);
    const trial = this.data.trials[number];
    if (!trial) return; // of a run that a reload will bring
    const began = !trial.growing;
    trial.growing = true;
    this.grown.set(number, { ...grow(tree, text, { end: "growing" }), text });
    if (began && this.data.trials.length === 1) return this.openTrials([number]);
    if (began && !this.state.open.length) this._matrix();
    if (!this.state.open.includes(number)) return;
    this.state.node = "";
    this._open();
  }
}

function legend() {
  const list = make("ul", { class: "legend", "aria-label": "what the shapes mean" });
  for (const [kind, name] of Object.entries(KINDS)) {
    const svg = element("svg", { width: "20", height: "20", viewBox: "-10 -10 20 20", "aria-hidden": "true" },
      element("path", { class: `node ${kind}`, d: outline(kind, 0, 0) }));
    list.append(make("li", {}, svg, ` ${name}`));
  }
  list.append(make("li", { text: "↻ called before" }));
  list.append(make("li", { text: "keys: arrows walk, Enter folds, 0 fits, , and . step, j k d other tasks" }));
  return list;
}
