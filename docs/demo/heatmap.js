// The attention of an output to its source, as a table.

const STRONG = 0.7; // from here on, the number has the other colour
const MOST = 50000; // cells. A browser stands still for seconds while it makes more

function cell(name, content, scope) {
  const own = document.createElement(name);
  if (scope) own.scope = scope;
  own.append(content);
  return own;
}

/**
 * Fills a table with a row for each piece of an output and its end, and a column for each of the source.
 * Rows for which there is no room are counted.
 *
 * @param {HTMLTableElement} table - Loses what it had.
 * @param {string[]} source - Pieces and eos.
 * @param {object} hypothesis - Its `pieces`, and `attention` with a row for each and for eos.
 */
export function showAttention(table, source, hypothesis) {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  head.append(document.createElement("td"));
  for (const piece of [...source.slice(0, -1), "end"]) {
    const turned = document.createElement("span");
    turned.textContent = piece;
    head.append(cell("th", turned, "col"));
  }
  const body = table.createTBody();
  const pieces = [...hypothesis.pieces, "end"];
  const room = Math.max(1, Math.floor(MOST / source.length));
  hypothesis.attention.slice(0, room).forEach((weights, place) => {
    const row = body.insertRow();
    row.append(cell("th", pieces[place], "row"));
    for (const weight of weights) {
      const percent = Math.round(100 * weight);
      const own = cell("td", percent ? String(percent) : "");
      own.style.setProperty("--weight", weight.toFixed(3));
      own.classList.toggle("strong", weight >= STRONG);
      row.append(own);
    }
  });
  const left = hypothesis.attention.length - room;
  if (left > 0) body.insertRow().append(cell("th", `${left} more, not shown`, "row"));
}
