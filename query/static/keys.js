// Arrows go from row to row; Enter opens, which a <summary> does by itself.

function visibleRows(list) {
  return [...list.querySelectorAll("summary, a.row")].filter(
    (row) => row.matches(".event > details > summary, .run > details > summary, a.row") && row.offsetParent !== null,
  );
}

export function enableArrows(list) {
  list.addEventListener("keydown", (press) => {
    const step = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 }[press.key];
    const first = press.key === "Home", last = press.key === "End";
    if (!(step || first || last) || press.altKey || press.ctrlKey || press.metaKey) return;
    if (press.target.closest("input, textarea, .whole, pre")) return;
    const rows = visibleRows(list);
    const here = rows.indexOf(press.target.closest("summary, a.row"));
    if (here < 0) return;
    const next = first ? rows[0] : last ? rows.at(-1) : rows[here + step];
    press.preventDefault();
    if (!next) return;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  });
}
