// One tree in SVG: pan, zoom, collapse, walk by keys. Far away every kind is one path of small
// shapes, so that thousands of nodes are a dozen elements; near by, the nodes in sight are drawn
// with their labels.

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 0.45; // scale from which labels can be read

function element(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The outline of a kind around a point: kinds differ by shape, not by colour alone.
function outline(kind, x, y, r = 7) {
  const polygon = (n, turn) => {
    let path = "";
    for (let i = 0; i < n; i++) {
      const angle = turn + (2 * Math.PI * i) / n;
      path += `${i ? "L" : "M"}${(x + 1.15 * r * Math.cos(angle)).toFixed(1)},` +
        `${(y + 1.15 * r * Math.sin(angle)).toFixed(1)}`;
    }
    return path + "Z";
  };
  const circle = (s) => `M${x - s},${y}a${s},${s} 0 1,0 ${2 * s},0a${s},${s} 0 1,0 ${-2 * s},0Z`;
  switch (kind) {
    case "answered": return polygon(10, 0).replace(/Z$/, "Z") + circle(r * 0.5);
    case "gave_up": return `M${x - r},${y - r}h${2 * r}v${2 * r}h${-2 * r}Z`;
    case "pruned": return polygon(4, 0);
    case "error": return polygon(3, -Math.PI / 2);
    case "no_such_api": return polygon(6, 0);
    case "env_miss": return polygon(5, -Math.PI / 2);
    case "unmade":
    case "limit": return `M${x - r / 2},${y - r}h${r}v${2 * r}h${-r}Z`;
    case "failed": return polygon(3, Math.PI / 2);
    case "thought": return circle(r * 0.55);
    case "root": return circle(r) + circle(r * 0.55);
    default: return circle(r * 0.85);
  }
}

function edge(node) {
  const { parent } = node;
  const bend = parent.x + 18;
  if (Math.abs(parent.y - node.y) < 0.5) return `M${parent.x},${parent.y}H${node.x}`;
  const turn = Math.min(9, Math.abs(node.y - parent.y) / 2) * Math.sign(node.y - parent.y);
  return `M${parent.x},${parent.y}H${bend - 9}Q${bend},${parent.y} ${bend},${parent.y + turn}` +
    `V${node.y - turn}Q${bend},${node.y} ${bend + 9},${node.y}H${node.x}`;
}

class TreeView {
  constructor(tree, { choose, label }) {
    this.tree = tree;
    this.choose = choose;
    this.until = Infinity;
    this.scale = 1;
    this.left = 40;
    this.top = 30;
    this.selected = null;
    this.world = element("g");
    this.far = element("g", { class: "far" }); // the whole tree, made when it is looked at
    this.near = element("g", { class: "near" }); // what is in sight, with labels
    this.ring = element("path", { class: "ring" });
    this.world.append(this.far, this.near, this.ring);
    this.svg = element("svg", {
      class: "tree", tabindex: "0", role: "application", "aria-label": label,
      "aria-roledescription": "decision tree; arrow keys walk, Enter folds",
    }, this.world);
    this.said = document.createElement("p");
    this.said.className = "unseen";
    this.said.setAttribute("aria-live", "polite");
    this._listen();
    this.layout();
  }

  // Places all nodes anew, and draws.
  layout() {
    place(this.tree);
    this._anew();
  }

  visible(node) { return node.order <= this.until; }

  show(until) {
    this.until = until;
    this._anew();
  }

  _anew() {
    this.whole = false;
    this.drawn = null;
    this._sight();
  }

  // Edges, and the small shapes of each kind: as few elements as there are kinds.
  _shapes(nodes, edges) {
    const kinds = new Map(), lines = ["", ""];
    for (const node of edges) lines[node.winning ? 1 : 0] += edge(node);
    for (const node of nodes) {
      const key = `${node.kind}${node.winning ? " won" : ""}`;
      kinds.set(key, (kinds.get(key) ?? "") + outline(node.kind, node.x, node.y));
    }
    return [element("path", { class: "edge", d: lines[0] }),
      element("path", { class: "edge won", d: lines[1] }),
      ...[...kinds].map(([key, d]) => element("path", { class: `node ${key}`, d }))];
  }

  // Draws the whole tree small, or what is in sight with its labels and a margin around it.
  _sight() {
    this.world.setAttribute("transform", `translate(${this.left},${this.top}) scale(${this.scale})`);
    const near = this.scale >= NEAR;
    this.far.style.display = near ? "none" : "";
    this.near.style.display = near ? "" : "none";
    if (!near && !this.whole) {
      const nodes = this.tree.shown.filter((node) => this.visible(node));
      this.far.replaceChildren(...this._shapes(nodes, nodes.filter((node) => node.parent)));
      this.whole = true;
    }
    if (near) {
      const width = this.svg.clientWidth || 900, height = this.svg.clientHeight || 500;
      const x0 = -this.left / this.scale, y0 = -this.top / this.scale;
      const x1 = x0 + width / this.scale, y1 = y0 + height / this.scale;
      const d = this.drawn;
      if (!d || x0 < d.x0 || y0 < d.y0 || x1 > d.x1 || y1 > d.y1) {
        const mx = (x1 - x0) / 2, my = (y1 - y0) / 2;
        this.drawn = { x0: x0 - mx, y0: y0 - my, x1: x1 + mx, y1: y1 + my };
        this._labels(this.drawn);
      }
    }
    this._ring();
  }

  _labels({ x0, y0, x1, y1 }) {
    const nodes = [], edges = [];
    for (const node of this.tree.shown) {
      if (!this.visible(node)) continue;
      const at = node.parent ?? node;
      if (node.x < x0 || at.x > x1 || Math.max(node.y, at.y) < y0 || Math.min(node.y, at.y) > y1) continue;
      if (node.parent) edges.push(node);
      if (node.y >= y0 && node.y <= y1) nodes.push(node);
    }
    const labels = nodes.map((node) => {
      const group = element("g", { class: `label ${node.kind}${node.winning ? " won" : ""}` });
      if (node.parent) {
        const x = node.parent.x + 30, again = node.again ? "↻ " : "";
        group.append(
          element("text", { x, y: node.y - 5, class: "name" },
            again + clip(captionOf(node), 27 - again.length)),
          element("text", { x, y: node.y + 13, class: "more" }, clip(valueOf(node), 32)));
      }
      const count = hidden(node);
      const told = count ? `+${count}` : { limit: "budget ended", env_miss: "not recorded" }[node.last];
      if (told) group.append(element("text", { x: node.x + 12, y: node.y + 4, class: "fold" }, told));
      return group;
    });
    this.near.replaceChildren(...this._shapes(nodes, edges), ...labels);
  }

  _ring() {
    const node = this.selected;
    this.ring.setAttribute("d", node ? outline("step", node.x, node.y, 14) : "");
  }

  // ---------------------------------------------------------------- view

  fit() {
    const width = this.svg.clientWidth || 900, height = this.svg.clientHeight || 500;
    const x = width / (this.tree.width + 160), y = height / (this.tree.height + 80);
    this.scale = Math.max(Math.min(x, y, 1), 0.02);
    this.left = 40;
    this.top = Math.max((height - this.tree.height * this.scale) / 2, 30 * this.scale);
    this._sight();
  }

  // The tree's begin in a size that can be read, rather than all of it.
  begin() {
    const rows = this.tree.height / ROW + 1;
    this.svg.style.height = `${Math.min(Math.max(rows * ROW + 50, 150), 0.62 * window.innerHeight)}px`;
    this.fit();
    if (this.scale < NEAR) {
      const node = this.tree.roots[0];
      this.scale = 0.8;
      this.left = 40;
      this.top = (this.svg.clientHeight || 500) / 2 - node.y * this.scale;
      this._sight();
    }
  }

  // Around a point; else around the chosen node, or the middle.
  zoom(factor, x, y) {
    if (x === undefined) {
      const node = this.selected;
      x = node ? node.x * this.scale + this.left : this.svg.clientWidth / 2;
      y = node ? node.y * this.scale + this.top : this.svg.clientHeight / 2;
    }
    const scale = Math.min(Math.max(this.scale * factor, 0.02), 3);
    this.left = x - ((x - this.left) * scale) / this.scale;
    this.top = y - ((y - this.top) * scale) / this.scale;
    this.scale = scale;
    this._sight();
  }

  center(node) {
    const width = this.svg.clientWidth, height = this.svg.clientHeight;
    const x = node.x * this.scale + this.left, y = node.y * this.scale + this.top;
    if (!(x >= 20 && x <= width - 20)) this.left = width / 2 - node.x * this.scale;
    if (!(y >= 16 && y <= height - 16)) this.top = height / 2 - node.y * this.scale;
    this._sight();
  }

  // Chooses a node and brings it near.
  visit(node) {
    if (this.scale < NEAR) {
      this.scale = 0.8;
      this.left = this.top = Infinity; // out of sight: centred by what follows
    }
    this.select(node);
  }

  select(node, { quiet = false } = {}) {
    if (!node) return;
    for (let up = node.parent; up; up = up.parent) {
      if (!up.open) { up.open = true; node.unfolded = true; }
    }
    if (node.unfolded) { delete node.unfolded; this.layout(); }
    this.selected = node;
    this.center(node);
    this.said.textContent = `${KINDS[node.kind]}: ${clip(captionOf(node), 60)}, ` +
      `node ${node.id}, ${node.children.length} below`;
    if (!quiet) this.choose(node);
  }

  toggle(node) {
    if (!node.children.length) return;
    node.open = !node.open;
    const y = node.y;
    this.layout();
    this.top += (y - node.y) * this.scale; // the node stays where it was
    this._sight();
  }

  nearest(x, y) {
    const px = (x - this.left) / this.scale, py = (y - this.top) / this.scale;
    let best = null, least = 24 / Math.min(this.scale, 1);
    for (const node of this.tree.shown) {
      if (!this.visible(node)) continue;
      const label = node.parent && px > node.parent.x + 24 && px < node.x + 10;
      const distance = label ? Math.abs(py - node.y) : Math.hypot(px - node.x, py - node.y);
      if (distance < least) { least = distance; best = node; }
    }
    return best;
  }

  // ---------------------------------------------------------------- hands

  _listen() {
    const { svg } = this;
    const at = (event) => {
      const box = svg.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey || event.altKey) {
        this.zoom(Math.exp(-event.deltaY / 200), ...at(event));
      } else {
        this.left -= event.deltaX + (event.shiftKey ? event.deltaY : 0);
        this.top -= event.shiftKey ? 0 : event.deltaY;
        this._sight();
      }
    }, { passive: false });
    let held = null;
    svg.addEventListener("pointerdown", (event) => {
      held = { x: event.clientX, y: event.clientY, left: this.left, top: this.top, moved: false };
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      if (!held) return;
      const dx = event.clientX - held.x, dy = event.clientY - held.y;
      if (Math.abs(dx) + Math.abs(dy) > 4) held.moved = true;
      if (!held.moved) return;
      this.left = held.left + dx;
      this.top = held.top + dy;
      this._sight();
    });
    svg.addEventListener("pointerup", (event) => {
      const clicked = held && !held.moved;
      held = null;
      if (!clicked) return;
      const node = this.nearest(...at(event));
      if (!node) return;
      if (event.detail === 2 || event.altKey) this.toggle(node);
      this.select(node);
    });
    svg.addEventListener("keydown", (event) => this._key(event));
  }

  _key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const node = this.selected ?? this.tree.roots[0];
    const among = node.parent ? node.parent.children : this.tree.roots;
    const seen = (list) => list.filter((each) => this.visible(each));
    const beside = (by) => {
      const level = this.tree.shown.filter((n) => n.depth === node.depth && this.visible(n));
      return seen(among)[seen(among).indexOf(node) + by] ?? level[level.indexOf(node) + by];
    };
    const moves = {
      ArrowLeft: () => this.select(node.parent),
      ArrowRight: () => { if (!node.open) this.toggle(node); this.select(seen(node.children)[0]); },
      ArrowUp: () => this.select(beside(-1)),
      ArrowDown: () => this.select(beside(1)),
      Home: () => this.select(this.tree.roots[0]),
      End: () => this.select(this.tree.nodes.findLast((n) => n.winning) ?? this.tree.order.at(-1)),
      Enter: () => this.toggle(node),
      " ": () => this.toggle(node),
      "+": () => this.zoom(1.25),
      "=": () => this.zoom(1.25),
      "-": () => this.zoom(0.8),
      0: () => this.fit(),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    move();
  }
}
