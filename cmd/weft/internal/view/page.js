"use strict";
// Everything drawn here comes from the JSON beside this script; the tables are
// already in the page.
const { look, first, cells, hooks, scale, inputs, vectors, patterns } = JSON.parse(document.getElementById("data").textContent);
const $ = (s, in_ = document) => [...in_.querySelectorAll(s)];
const read = document.getElementById("read");
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
const numbers = new Float32Array(bytes(vectors)), looks = new Uint16Array(bytes(patterns));
const shown = look.tokens.length - first;
const tokens = [...document.querySelectorAll("[data-pick]")].map(b => b.textContent);

const vector = (depth, token) => {
  const at = (depth * shown + token - first) * cells;
  return numbers.subarray(at, at + cells);
};
const minus = s => s.replace("-", "−");
const four = v => minus(Number(v).toPrecision(4));
const short = v => minus(Math.abs(v) < 9.995 ? v.toFixed(2) : Math.abs(v) < 99.95 ? v.toFixed(1) : v.toFixed(0));

// Colours come from the style sheet, so that both themes have theirs.
function rgb(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const c = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
  probe.remove();
  return c;
}

// A ribbon is one row of pixels: blue below zero, orange above, clear at zero.
function draw(canvas, pos, neg) {
  const depth = +canvas.dataset.depth, v = vector(depth, +canvas.dataset.token), full = scale[depth ? 1 : 0];
  canvas.width = v.length; canvas.height = 1;
  const g = canvas.getContext("2d"), image = g.createImageData(v.length, 1);
  v.forEach((x, i) => {
    const c = x < 0 ? neg : pos;
    image.data.set([c[0], c[1], c[2], Math.round(255 * Math.min(1, Math.abs(x) / full))], 4 * i);
  });
  g.putImageData(image, 0, 0);
}
function drawAll() {
  const pos = rgb("--pos"), neg = rgb("--neg"), looked = rgb("--looked");
  $(".ribbon").forEach(c => draw(c, pos, neg));
  $("[data-head]").forEach(b => drawHead(b.firstElementChild, pattern(b.dataset.head), looked));
}

// A head's pattern: rows of the triangle, one after the other, as shares of 65535.
function pattern(name) {
  const [layer, head] = name.split(".").map(Number), size = shown * (shown + 1) / 2;
  return looks.subarray((layer * look.model.heads + head) * size).subarray(0, size);
}
function drawHead(canvas, values, c) {
  canvas.width = canvas.height = shown;
  const g = canvas.getContext("2d"), image = g.createImageData(shown, shown);
  for (let i = 0, at = 0; i < shown; i++)
    for (let j = 0; j <= i; j++, at++)
      image.data.set([c[0], c[1], c[2], Math.round(values[at] / 257)], 4 * (i * shown + j));
  g.putImageData(image, 0, 0);
}
function pickHead(name) {
  const [layer, head] = name.split("."), values = pattern(name), hook = `blocks.${layer}.attn.hook_pattern`;
  $("[data-head]").forEach(b => b.setAttribute("aria-pressed", b.dataset.head === name));
  document.getElementById("head").textContent = name;
  document.getElementById("why").hidden = name !== `${look.attention.layer}.${look.attention.head}`;
  $(".looks tbody tr").forEach((tr, i) => {
    tr.dataset.hook = hook;
    $("td", tr).forEach((td, j) => {
      const p = values[i * (i + 1) / 2 + j] / 65535;
      td.textContent = Math.round(100 * p);
      td.style.setProperty("--p", p.toFixed(4));
      td.title = `${hook}[0, ${head}, ${i + first}, ${j + first}] = ${four(p)}: “${tokens[i]}” takes ${(100 * p).toFixed(1)}% from “${tokens[j]}”`;
    });
  });
}

function say(text) { read.textContent = text; }
function sayCell(canvas, i) {
  const depth = +canvas.dataset.depth, token = +canvas.dataset.token;
  canvas.dataset.at = i = Math.max(0, Math.min(cells - 1, i));
  say(`${hooks[depth]}[0, ${token}, ${i}] = ${four(vector(depth, token)[i])}   number ${i} of ${look.embedding.dim} of “${tokens[token - first]}”`);
}
document.addEventListener("pointermove", e => {
  const t = e.target;
  if (t.matches?.(".ribbon")) sayCell(t, Math.floor(e.offsetX / t.clientWidth * cells));
  else { const titled = t.closest?.("[title]"); if (titled) say(titled.title); }
});
document.addEventListener("focusin", e => {
  if (e.target.matches(".ribbon")) sayCell(e.target, +(e.target.dataset.at || 0));
  else if (e.target.title) say(e.target.title);
});
document.addEventListener("keydown", e => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[e.key];
  if (!step) return;
  const t = e.target;
  if (t.matches(".ribbon") && step[1]) { sayCell(t, +(t.dataset.at || 0) + step[1]); e.preventDefault(); }
  const cell = t.closest("[role=grid] td");
  if (!cell) return;
  const row = cell.parentElement, rows = [...row.parentElement.rows];
  const next = rows[rows.indexOf(row) + step[0]]?.cells[cell.cellIndex + step[1]];
  if (next?.matches("td")) { cell.tabIndex = -1; next.tabIndex = 0; next.focus(); }
  e.preventDefault();
});

// A token's thread: its ribbon after every block, and what the block added.
function pick(token) {
  $("[data-pick]").forEach(b => b.setAttribute("aria-pressed", +b.dataset.pick === token));
  $("[data-thread]").forEach(e => e.textContent = tokens[token - first]);
  const body = document.getElementById("thread");
  body.replaceChildren();
  const number = (row, title, text) => {
    const td = row.insertCell();
    td.className = "num"; td.title = title; td.textContent = text;
  };
  for (let depth = hooks.length - 1; depth >= 1; depth--) {
    const row = body.insertRow(), b = look.blocks[depth - 2];
    const name = row.insertCell();
    name.className = "small"; name.textContent = b ? `block ${b.layer}` : "embedding";
    const ribbon = document.createElement("canvas");
    Object.assign(ribbon, { className: "ribbon", tabIndex: 0 });
    ribbon.dataset.depth = depth; ribbon.dataset.token = token;
    ribbon.setAttribute("role", "img");
    ribbon.setAttribute("aria-label", `vector of ${tokens[token - first]}, ${hooks[depth]}`);
    const cell = row.insertCell();
    cell.className = "wide"; cell.append(ribbon);
    const norm = b ? b.resid_norm[token] : inputs[token];
    number(row, `‖${hooks[depth]}[0, ${token}]‖ = ${four(norm)}`, short(norm));
    if (!b) { row.insertCell().colSpan = 4; continue; }
    for (const [hook, length, cosine] of [["hook_attn_out", b.attn_norm, b.attn_cos], ["hook_mlp_out", b.mlp_norm, b.mlp_cos]]) {
      const at = `blocks.${b.layer}.${hook}[0, ${token}]`;
      number(row, `‖${at}‖ = ${four(length[token])}`, short(length[token]));
      number(row, `cosine of ${at} with the vector it was added to = ${four(cosine[token])}`, (cosine[token] > 0.005 ? "+" : "") + short(cosine[token]));
    }
  }
  drawAll();
}
$("[data-pick]").forEach(b => b.addEventListener("click", () => pick(+b.dataset.pick)));

// A cell of the lens: what else was likely there.
function openLens(td) {
  const layer = +td.parentElement.dataset.layer, token = +td.dataset.token, b = look.blocks[layer];
  $(".lens [aria-selected]").forEach(c => c.removeAttribute("aria-selected"));
  td.setAttribute("aria-selected", "true");
  const out = document.getElementById("lens");
  const top = (b ? b.lens : look.embedding.lens)[token];
  const about = b ? `uncertainty ${short(b.entropy_bits[token])} bits; ${short(b.kl_bits[token])} bits from the final answer, whose likeliest token ranks ${b.rank[token].toLocaleString("en")} here` : "";
  const head = document.createElement("p");
  head.textContent = `${b ? `After block ${layer}` : "At the embedding"}, token “${tokens[token - first]}”: ` +
    top.map(c => `“${c.text.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥")}” ${(100 * c.p).toPrecision(3)}%`).join(", ") + (about ? `; ${about}.` : ".");
  out.replaceChildren(head);
}
$(".lens td").forEach(td => {
  td.addEventListener("click", () => openLens(td));
  td.addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { openLens(td); e.preventDefault(); } });
});
$("[role=grid]").forEach(g => { const td = g.querySelector("td"); if (td) td.tabIndex = 0; });

$(".scale").forEach(s => {
  const full = scale[+s.dataset.scale];
  s.innerHTML = `<span class="mono">−${short(full)}</span><i></i><span class="mono">+${short(full)}</span><span>98 of 100 numbers lie within</span>`;
});
const chosen = `${look.attention.layer}.${look.attention.head}`;
$("[data-head]").forEach(b => {
  b.addEventListener("click", () => pickHead(b.dataset.head));
  b.setAttribute("aria-pressed", b.dataset.head === chosen);
});
const dark = matchMedia("(prefers-color-scheme: dark)");
document.querySelector(".theme").addEventListener("click", () => {
  const now = document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  document.documentElement.dataset.theme = now === "dark" ? "light" : "dark";
  drawAll();
});
dark.addEventListener("change", drawAll);
pick(look.tokens.length - 1);
