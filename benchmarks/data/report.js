"use strict";
// Sorts a table by the column whose heading is clicked: numbers from above, texts from A; a second
// click turns it round. What is missing stays below. Values stand in data-v; nothing is parsed.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const number = head.hasAttribute("data-number");
      const before = head.getAttribute("aria-sort");
      const first = number ? "descending" : "ascending";
      const second = number ? "ascending" : "descending";
      const now = before === first ? second : first;
      const sign = now === "ascending" ? 1 : -1;
      const rows = Array.from(body.rows).map((row) => {
        const text = row.cells[column].getAttribute("data-v");
        return { row, text, value: number ? Number(text) : text };
      });
      rows.sort((a, b) => {
        if (a.text === null || b.text === null) {
          return (a.text === null) - (b.text === null);
        }
        if (number) {
          return sign * (a.value - b.value);
        }
        return sign * a.value.localeCompare(b.value, "en", { numeric: true });
      });
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", now);
      rows.forEach(({ row }) => body.appendChild(row));
    });
  });
}
