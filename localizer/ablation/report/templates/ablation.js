"use strict";
// Clicking a heading sorts the leaderboard by it; what is not known stays at the end.
const table = document.querySelector(".headline");
const headings = table ? [...table.tHead.rows[0].cells] : [];

function sortBy(column) {
  const heading = headings[column];
  const descending = heading.getAttribute("aria-sort") !== "descending";
  for (const other of headings) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const key = (row) => row.cells[column].dataset.value;
  const compare = (x, y) => (isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y);
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const x = key(a), y = key(b);
    if (x === "" || y === "") return (x === "") - (y === "");
    return descending ? compare(y, x) : compare(x, y);
  });
  table.tBodies[0].append(...rows);
}

headings.forEach((heading, column) => {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...heading.childNodes);
  button.addEventListener("click", () => sortBy(column));
  heading.append(button);
});
