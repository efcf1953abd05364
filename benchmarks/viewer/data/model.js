// The document as objects: texts in their places, nodes with parents and children, what each
// node is. Every string may come from a model or a tool: it is only ever shown as text.

const KINDS = {
  root: "task", answered: "answered", gave_up: "gave up", pruned: "pruned", error: "error",
  no_such_api: "no such API", env_miss: "not recorded", limit: "budget ended", unmade: "not made",
  failed: "model failed", thought: "no call", step: "call",
};

const OUTCOMES = {
  passed: "✔", failed: "✘", unjudged: "?", gave_up: "↩", limit: "▮", env_miss: "∅", infra: "⚠",
  cancelled: "…", missing: "·",
};

// Characters that change how others are shown, or are not shown at all, become visible.
function visible(text) {
  return String(text ?? "").replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu,
    (c) => {
      const code = c.codePointAt(0);
      if (code < 32) return String.fromCodePoint(0x2400 + code);
      return `⟪${code.toString(16).toUpperCase().padStart(4, "0")}⟫`;
    });
}

function clip(text, room) {
  const line = visible(String(text ?? "").slice(0, room * 4)).replace(/\s+/g, " ").trim();
  const letters = Array.from(line);
  return letters.length > room ? letters.slice(0, room - 1).join("") + "…" : line;
}

function reading(texts) {
  return (value) => (typeof value === "number" ? texts[value] ?? "" : value ?? "");
}

function canonical(text) {
  const sorted = (value) => {
    if (Array.isArray(value)) return value.map(sorted);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.keys(value).sort().map((k) => [k, sorted(value[k])]));
    }
    return value;
  };
  try { return JSON.stringify(sorted(JSON.parse(text || "{}"))); } catch { return text.trim(); }
}

function kindOf(node, trial) {
  if (!node.parent) return "root";
  if (node.failed !== undefined) return "failed";
  if (node.solved) return "answered";
  if (node.status === "gave_up") return "gave_up";
  if (node.status === "no_such_api") return "no_such_api";
  if (node.api !== undefined && node.status === undefined) {
    return { env_miss: "env_miss", growing: "step", limit: "limit" }[trial.end] ?? "unmade";
  }
  if (node.pruned) return "pruned";
  if (node.api === undefined) return "thought";
  return node.status === "ok" ? "step" : "error";
}

// A trial's tree: roots, all nodes in preorder and in the order of the search.
function grow(data, text, trial) {
  const byId = new Map(), roots = [], nodes = [], first = new Map();
  for (const record of data.nodes) {
    const cut = record.id.lastIndexOf(".");
    const head = /^\d+$/.test(record.id.slice(cut + 1)) ? record.id.slice(0, Math.max(cut, 0)) : "";
    const node = { ...record, parent: byId.get(head) ?? null, children: [], open: true };
    for (const what of ["args", "thought", "obs", "thinking", "failed"]) {
      if (record[what] !== undefined) node[what] = text(record[what]);
    }
    node.depth = node.parent ? node.parent.depth + 1 : 0;
    (node.parent ? node.parent.children : roots).push(node);
    byId.set(node.id, node);
    nodes.push(node);
  }
  const order = [...nodes].sort((a, b) => a.order - b.order);
  for (const node of order) {
    node.kind = kindOf(node, trial);
    if (node.api === undefined || node.api === "Finish") continue;
    const call = `${node.api} ${canonical(node.args ?? "")}`;
    if (first.has(call)) node.again = first.get(call); else first.set(call, node);
  }
  if (order.length && ["limit", "env_miss"].includes(trial.end)) order.at(-1).last = trial.end;
  for (let node = byId.get(data.winner); node; node = node.parent) node.winning = true;
  return { roots, nodes, order, byId, prompts: data.prompts };
}

function pathOf(node) {
  const path = [];
  for (; node; node = node.parent) path.unshift(node);
  return path;
}

function captionOf(node) {
  if (!node.parent) return "task";
  if (node.failed !== undefined) return "the model failed";
  if (node.api === undefined) return node.thought ? `“${node.thought}”` : "(empty reply)";
  return node.api;
}

function valueOf(node) {
  if (node.api === undefined || !node.parent) return "";
  if (node.api === "Finish") {
    try {
      const told = JSON.parse(node.args);
      return String(told.final_answer ?? told.return_type ?? node.args);
    } catch { return node.args ?? ""; }
  }
  return node.args === "{}" ? "" : node.args ?? "";
}
