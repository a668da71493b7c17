// Sorting and searching of the layer table, and printing with everything unfolded.
(function () {
  "use strict";
  const table = document.getElementById("layer-table");
  if (table) {
    const body = table.tBodies[0];
    const headers = [...table.tHead.rows[0].cells];
    const valueOf = (row, column) => {
      const cell = row.cells[column];
      if (cell.dataset.value === undefined) return cell.textContent.trim().toLowerCase();
      return cell.dataset.value === "" ? null : Number(cell.dataset.value);
    };
    const sort = (column, ascending) => {
      const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
      rows.sort(([a], [b]) => {
        // What was not measured stays last, whichever way.
        if (a === null || b === null) return (a === null) - (b === null);
        const order = typeof a === "number" ? a - b : a.localeCompare(b);
        return ascending ? order : -order;
      });
      body.append(...rows.map(([, row]) => row));
      headers.forEach((header, place) => {
        if (place === column) header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        else header.removeAttribute("aria-sort");
      });
    };
    headers.forEach((header, column) => {
      header.querySelector("button").addEventListener("click", () => {
        const before = header.getAttribute("aria-sort");
        // Of figures the largest are looked for first, of names the first.
        sort(column, before ? before === "descending" : !header.classList.contains("n"));
      });
    });
    const search = document.getElementById("layer-search");
    const count = document.getElementById("layer-count");
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = `${shown} of ${body.rows.length}`;
    });
  }
  const printing = matchMedia("print");
  let opened = [];
  const unfold = () => {
    const folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((one) => { one.open = true; });
    opened = opened.concat(folded);
  };
  const fold = () => {
    opened.forEach((one) => { one.open = false; });
    opened = [];
  };
  printing.addEventListener("change", () => (printing.matches ? unfold() : fold()));
  addEventListener("beforeprint", unfold);
  addEventListener("afterprint", fold);
})();
