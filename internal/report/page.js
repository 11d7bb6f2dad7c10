"use strict";
// Tables sort by the column whose head is chosen. Without this they are all there.
(() => {
  const scale = { k: 1e3, K: 1024, M: 1e6, G: 1e9, n: 1e-9, "µ": 1e-6, m: 1e-3 };
  const value = (cell) => {
    const m = /^[≈±+<]*(-?[\d.]+(?:e-?\d+)?)\s*([kKMGnµm]?)/.exec(cell ? cell.textContent.trim() : "");
    return m ? parseFloat(m[1]) * (scale[m[2]] || 1) : NaN;
  };
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    table.classList.add("sortable");
    [...table.tHead.rows[table.tHead.rows.length - 1].cells].forEach((head, i) => {
      head.tabIndex = 0;
      const sort = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const h of head.parentNode.cells) h.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...body.rows].map((row) => [row, value(row.cells[i]), row.cells[i] ? row.cells[i].textContent : ""]);
        rows.sort((a, b) => {
          if (isNaN(a[1]) !== isNaN(b[1])) return isNaN(a[1]) ? 1 : -1;
          const by = isNaN(a[1]) ? a[2].localeCompare(b[2]) : a[1] - b[1];
          return down ? -by : by;
        });
        body.append(...rows.map((r) => r[0]));
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); sort(); } });
    });
  }
  // What is folded is printed, too, and opened where a link leads to it.
  const folded = document.querySelectorAll("details");
  let closed = [];
  addEventListener("beforeprint", () => { closed = [...folded].filter((d) => !d.open); closed.forEach((d) => { d.open = true; }); });
  addEventListener("afterprint", () => closed.forEach((d) => { d.open = false; }));
  const reveal = () => { const d = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); if (d && d.closest("details")) d.closest("details").open = true; };
  addEventListener("hashchange", reveal);
  reveal();
})();
