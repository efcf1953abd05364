// The card of a node: everything that is known of it, all of it as text.

const FOLD = 1500; // letters of a text that are shown at once

function make(name, { text, class: kind, on, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  for (const [event, does] of Object.entries(on ?? {})) made.addEventListener(event, does);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

// A long text, folded; what is behind the fold is made when it is asked for.
function passage(text, { json = false } = {}) {
  const whole = visible(json && text.length < 200000 ? pretty(text) : text);
  const pre = make("pre", { dir: "auto", tabindex: "0" });
  if (whole.length <= FOLD) {
    pre.textContent = whole;
    return pre;
  }
  pre.textContent = whole.slice(0, FOLD) + " …";
  const more = make("button", {
    type: "button", class: "more", text: `show all ${whole.length.toLocaleString("en")} letters`,
    on: { click: () => { pre.textContent = whole; more.remove(); } },
  });
  return make("div", {}, pre, more);
}

function lazily(title, build, open = false) {
  const details = make("details", { open }, make("summary", { text: title }));
  const fill = () => {
    if (details.open && details.children.length === 1) details.append(build());
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

function field(title, value) {
  return make("section", {}, make("h4", { text: title }), value);
}

function badge(text, kind = "") {
  return make("span", { class: `badge ${kind}`, text: visible(text) });
}

function messages(list, text) {
  const box = make("div", { class: "messages" });
  for (const [role, content, calls, name] of list) {
    const said = make("div", { class: `message ${role}` },
      make("span", { class: "role", text: name ? `${role} ${visible(name)}` : role }));
    if (content !== null && content !== undefined) said.append(passage(text(content)));
    for (const [called, args] of calls) {
      said.append(make("div", { class: "called", text: visible(`${called}(${text(args)})`) }));
    }
    box.append(said);
  }
  return box;
}

function numbers(node) {
  const told = [];
  if (node.tokens !== undefined) told.push(["tokens", node.tokens.toLocaleString("en")]);
  if (node.usd) told.push(["cost", `$${node.usd.toFixed(5)}`]);
  if (node.latency !== undefined) told.push(["latency", `${(node.latency * 1000).toFixed(1)} ms`]);
  if (node.at !== undefined) told.push(["at", `${node.at.toFixed(2)} s`]);
  if (node.value) told.push(["value", Number(node.value).toPrecision(4)]);
  if (node.visits) told.push(["visits", node.visits]);
  if (node.logprob) told.push(["log-probability", node.logprob.toFixed(3)]);
  if (node.reward) told.push(["reward", node.reward]);
  const list = make("dl", { class: "numbers" });
  for (const [name, value] of told) {
    list.append(make("dt", { text: name }), make("dd", { text: String(value) }));
  }
  return list;
}

function siblings(node, go) {
  const among = node.parent?.children ?? [];
  if (among.length < 2) return null;
  const row = make("div", { class: "siblings" });
  for (const each of among) {
    const mine = each === node;
    row.append(make("button", {
      type: "button", class: `sibling ${each.kind}${mine ? " mine" : ""}`,
      "aria-current": mine ? "true" : undefined, on: { click: () => go(each) },
    },
    make("b", { text: `${each.id.split(".").at(-1)}: ${clip(captionOf(each), 40)}` }),
    make("span", { text: clip(valueOf(each), 120) }),
    make("span", { class: "obs", text: clip(each.obs ?? each.failed ?? "", 160) }),
    make("i", { text: KINDS[each.kind] + (each.again ? ", called before" : "") })));
  }
  return field(`siblings (${among.length})`, row);
}

function card(node, { trial, task, tree, text, go, toggle }) {
  const head = make("header", {},
    make("h3", { text: clip(captionOf(node), 90) }),
    make("div", { class: "badges" },
      badge(KINDS[node.kind], node.kind),
      node.status && node.status !== "ok" ? badge(node.status) : null,
      node.prov ? badge(node.prov, `prov ${node.prov}`) : null,
      node.winning ? badge("on the path of the answer", "winning") : null,
      node.parallel ? badge("parallel call") : null,
      badge(`node ${node.id}`),
      node.children.length ? make("button", {
        type: "button", text: node.open ? "fold" : "unfold", on: { click: () => toggle(node) },
      }) : null));
  const parts = [head];
  if (!node.parent) {
    if (task.instruction !== undefined) parts.push(field("task", passage(text(task.instruction))));
    if (task.answer !== undefined) {
      parts.push(field("expected", passage(JSON.stringify(task.answer), { json: true })));
    }
    if (trial.answer) parts.push(field("answer", passage(text(trial.answer))));
    if (trial.error) parts.push(field("what went wrong", passage(text(trial.error))));
    if (trial.verdict) {
      const { decision, reason, score, votes = [] } = trial.verdict;
      const said = make("div", {}, badge(decision, decision),
        score !== undefined ? badge(`score ${score}`) : null, passage(text(reason)));
      for (const [vote, label, why] of votes) {
        said.append(make("div", { class: "vote" }, badge(label || vote, vote), passage(text(why))));
      }
      parts.push(field("verdict", said));
    }
    if (task.apis?.length) {
      parts.push(lazily(`functions offered (${task.apis.length})`, () => {
        const list = make("dl", { class: "apis" });
        for (const api of task.apis) {
          list.append(make("dt", { text: visible(api.name) }), make("dd", { text: clip(text(api.about), 240) }));
        }
        return list;
      }));
    }
  }
  if (node.again) {
    parts.push(make("p", { class: "again" }, "The same call as ", make("button", {
      type: "button", text: `node ${node.again.id}`, on: { click: () => go(node.again) },
    })));
  }
  if (node.thought) parts.push(field("thought", passage(node.thought)));
  if (node.thinking) parts.push(lazily("thinking", () => passage(node.thinking)));
  if (node.args !== undefined) parts.push(field("arguments", passage(node.args, { json: true })));
  if (node.obs !== undefined) parts.push(field("observation", passage(node.obs, { json: true })));
  if (node.failed !== undefined) parts.push(field("failure", passage(node.failed)));
  const told = numbers(node);
  if (told.children.length) parts.push(told);
  const beside = siblings(node, go);
  if (beside) parts.push(beside);
  if (node.told) parts.push(lazily("told beside the path (siblings, reflections)",
    () => messages(node.told, tree.text), true));
  if (node.sent) {
    parts.push(lazily("the prompt as sent", () => {
      const path = pathOf(node).slice(0, -1).flatMap((each) => each.adds ?? []);
      return messages([...path, ...(node.told ?? [])], tree.text);
    }));
  }
  if (node.detail) {
    parts.push(lazily("details", () => passage(JSON.stringify(node.detail), { json: true })));
  }
  return make("article", { class: "card", "aria-label": `node ${node.id}` }, ...parts);
}
