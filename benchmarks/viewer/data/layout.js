// Where nodes stand: depth to the right, one row a leaf, a parent in the middle of its children
// (after Reingold and Tilford: equal subtrees look equal). Linear in the nodes shown.

const LEVEL = 232, ROW = 40;

function place(tree) {
  let row = 0, deepest = 0;
  const shown = [];
  for (const root of tree.roots) {
    const stack = [[root, false]];
    while (stack.length) {
      const [node, back] = stack.pop();
      const below = node.open ? node.children : [];
      if (back) {
        node.y = (below[0].y + below.at(-1).y) / 2;
        continue;
      }
      node.x = node.depth * LEVEL;
      deepest = Math.max(deepest, node.depth);
      shown.push(node);
      if (!below.length) {
        node.y = row++ * ROW;
        continue;
      }
      stack.push([node, true]);
      for (let i = below.length - 1; i >= 0; i--) stack.push([below[i], false]);
    }
    row++;
  }
  tree.shown = shown;
  tree.width = deepest * LEVEL;
  tree.height = Math.max(row - 2, 0) * ROW;
}

function hidden(node) {
  if (node.open || !node.children.length) return 0;
  let count = 0;
  const stack = [...node.children];
  while (stack.length) {
    const each = stack.pop();
    count++;
    stack.push(...each.children);
  }
  return count;
}
