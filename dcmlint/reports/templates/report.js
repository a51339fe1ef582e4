"use strict";
const SEVERITY = ["info", "warning", "error"], PAGE = 100;
const [RULE, RANK, SUBJECT, PATH, TAG, OFFSET, MESSAGE, FOUND, EXPECTED, FROM, COUNT, PLACES, REMEDY, SUPPRESSED, NAME, SEE] = Array(16).keys();
const make = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value); else if (value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null));
  return node;
};
const draw = (tag, attributes, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
};
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0));
const unpack = async (data, format) => new Uint8Array(await new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream(format))).arrayBuffer());
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`);
const tip = document.getElementById("tip");
const say = (event, text) => {
  tip.hidden = !text;
  if (!text) return;
  tip.textContent = text;
  tip.style.left = `${Math.max(0, Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8))}px`;
  tip.style.top = `${Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8)}px`;
};
let report, state;

function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  state = {q: given.get("q") || "", by: given.get("by") === "file" ? "file" : "rule", severity: given.get("severity") || ""};
}
function keepState() {
  const kept = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) if (value && !(name === "by" && value === "rule")) kept.set(name, value);
  history.replaceState(null, "", `#${kept}`);
}

function notChecked() {
  const notes = report.notes.map(note => make("li", {}, note));
  if (report.skipped.length) notes.push(make("li", {}, make("details", {}, make("summary", {}, `${plural(report.skipped.length, "file")} skipped, such as files that are not DICOM`),
    make("ul", {}, ...report.skipped.slice(0, 500).map(([path, kind]) => make("li", {}, make("code", {}, path), ` ${kind}`))))));
  if (report.undecided.length) notes.push(make("li", {}, make("details", {}, make("summary", {}, "why rules were undecided"),
    make("ul", {}, ...report.undecided.slice(0, 500).map(([rule, why, first]) => make("li", {}, `${rule}: ${why}, first in `, make("code", {}, first)))))));
  return make("section", {}, make("h2", {}, "Not checked"), make("div", {class: "box", id: "unchecked"},
    notes.length ? make("ul", {}, ...notes) : "Every rule of the profile was decided."));
}

// "12 places, first A, B": the data set itself has no path.
function placesOf(row) {
  const first = row[PLACES].filter(Boolean).join(", ");
  return row[COUNT] > 1 ? `${row[COUNT]} places${first && `, first ${first}`}` : "";
}

function finding(row, bySubject) {
  const place = [row[PATH], row[TAG] && !row[PATH].startsWith("(") ? `(${row[TAG].slice(0, 4)},${row[TAG].slice(4)})` : "", row[OFFSET] === null ? "" : `@ 0x${row[OFFSET].toString(16)}`].filter(Boolean).join(" ");
  const rows = [[bySubject ? "" : "file", bySubject ? "" : report.subjects[row[SUBJECT]][0], "path"], ["at", place, "path"], ["found", row[FOUND]], ["expected", row[EXPECTED]],
    ["computed from", row[FROM]], ["in", placesOf(row)], ["help", row[REMEDY]], ["see", row[SEE].length ? references(row[SEE]) : ""]];
  return make("div", {class: "finding"}, make("p", {}, bySubject ? make("span", {class: `sev ${SEVERITY[row[RANK]]}`}, `${report.rules[row[RULE]].id} `) : null, row[MESSAGE], row[SUPPRESSED] ? make("small", {}, " (suppressed)") : null),
    make("dl", {}, ...rows.filter(([, text]) => text).flatMap(([label, text, kind]) => [make("dt", {}, label), make("dd", kind ? {class: kind} : {}, ...[text].flat())])));
}
// What the standard says, as links: numbers of references.
const references = numbers => numbers.map(number => report.references[number])
  .flatMap(([text, link], place) => [place ? "; " : "", link ? make("a", {href: link}, text) : text]);
function aboutRule(rule) {
  const see = references(rule.references);
  return make("div", {class: "about quiet"}, rule.why ? make("p", {}, rule.why) : null, rule.remedy ? make("p", {}, make("b", {}, "Help: "), rule.remedy) : null,
    make("p", {}, ...see, see.length ? " · " : "", make("code", {}, `dcmlint explain ${rule.id}`), rule.basis ? ` · ${rule.basis}` : ""));
}
function paged(target, rows, one) {
  let shown = 0;
  const more = make("button", {type: "button", class: "more", onclick: () => add()});
  const add = () => {
    more.remove();
    const next = document.createDocumentFragment();
    for (const row of rows.slice(shown, shown + PAGE)) next.append(one(row));
    shown = Math.min(rows.length, shown + PAGE);
    target.append(next);
    if (shown < rows.length) { more.textContent = `show ${Math.min(PAGE, rows.length - shown)} of ${rows.length - shown} more`; target.append(more); }
  };
  add();
}
function group([key, rows]) {
  const top = Math.max(...rows.map(row => row[RANK])), bySubject = state.by === "file";
  const rule = bySubject ? null : report.rules[key], subject = bySubject ? report.subjects[key] : null;
  const subjects = new Set(rows.map(row => row[SUBJECT])).size;
  const title = rule ? rule.title || rows[0][NAME] : subject[0];
  const body = make("div", {class: "body"});
  const node = make("details", {class: "group"}, make("summary", {}, make("span", {class: `sev ${SEVERITY[top]}`}, rule ? rule.id : SEVERITY[top]), make("b", {class: rule ? "" : "path"}, title),
    make("span", {class: "count"}, `${plural(rows.length, "finding")}${rule && subjects > 1 ? ` in ${subjects} files or slides` : ""}`)), body);
  const fill = () => {
    if (body.firstChild) return;
    body.append(rule ? aboutRule(rule) : make("p", {class: "quiet"}, [subject[1], subject[2] === "checked" ? "" : subject[2], subject[3] ? `${subject[3]} rules passed, ${subject[4]} not applicable, ${subject[5].length} undecided` : ""].filter(Boolean).join(" · ")));
    paged(body, rows, row => finding(row, bySubject));
  };
  node.addEventListener("toggle", () => node.open && fill());
  node.addEventListener("fill", fill);
  return node;
}
function list() {
  const place = document.getElementById("list"), words = state.q.toLowerCase().split(/\s+/).filter(Boolean), wanted = SEVERITY.indexOf(state.severity);
  const found = report.findings.filter((row, number) => (wanted < 0 || row[RANK] === wanted) && words.every(word => text(number).includes(word)));
  const groups = new Map();
  for (const row of found) { const key = state.by === "file" ? row[SUBJECT] : row[RULE]; if (groups.has(key)) groups.get(key).push(row); else groups.set(key, [row]); }
  const top = rows => rows.reduce((most, row) => Math.max(most, row[RANK]), 0);
  const ordered = [...groups].sort((a, b) => top(b[1]) - top(a[1]) || b[1].length - a[1].length);
  place.replaceChildren();
  document.getElementById("shown").textContent = `${found.length} of ${plural(report.findings.length, "finding")}`;
  if (ordered.length) paged(place, ordered, group); else place.append(make("p", {class: "quiet"}, report.findings.length ? "No finding matches the filter." : "No finding."));
}
const texts = [];
const text = number => texts[number] ??= (row => [report.rules[row[RULE]].id, row[NAME], SEVERITY[row[RANK]], report.subjects[row[SUBJECT]][0], row[PATH], row[MESSAGE]].join(" ").toLowerCase())(report.findings[number]);
function findings() {
  const counts = [0, 0, 0];
  for (const row of report.findings) counts[row[RANK]]++;
  const search = make("input", {type: "search", id: "search", placeholder: "Search: rule, file, attribute, message", "aria-label": "Search findings", value: state.q, oninput: event => { state.q = event.target.value; keepState(); list(); }});
  const toggle = (label, name, value) => make("button", {type: "button", "data-name": name, "data-value": value, "aria-pressed": String(state[name] === value), onclick: event => {
    state[name] = state[name] === value && name === "severity" ? "" : value;
    for (const other of document.querySelectorAll(`button[data-name=${name}]`)) other.setAttribute("aria-pressed", String(state[name] === other.dataset.value));
    keepState(); list();
  }}, label);
  return make("section", {}, make("h2", {}, "Findings"), make("div", {class: "bar"}, search, toggle("by rule", "by", "rule"), toggle("by file", "by", "file"),
    ...[2, 1, 0].filter(rank => counts[rank]).map(rank => toggle(`${SEVERITY[rank] === "info" ? "information" : SEVERITY[rank]} ${counts[rank]}`, "severity", SEVERITY[rank])), make("small", {id: "shown"})), make("div", {id: "list"}));
}

function pyramid(images, choose) {
  const levels = images.filter(image => image.flavour === "VOLUME" || !image.flavour).sort((a, b) => b.matrix_columns - a.matrix_columns);
  const levelsOf = levels.length ? levels : images, widest = Math.max(...levelsOf.map(image => image.matrix_columns)), tallest = Math.max(...levelsOf.map(image => image.matrix_rows));
  const scale = Math.min(200 / widest, 100 / tallest), svg = draw("svg", {role: "img", "aria-label": "pyramid to scale"});
  let y = 2;
  levelsOf.forEach((image, place) => {
    const width = Math.max(2, image.matrix_columns * scale), height = Math.max(2, image.matrix_rows * scale), before = levelsOf[place - 1];
    const ratio = before ? ` · ÷${(before.matrix_columns / image.matrix_columns).toFixed(2)}` : "";
    const label = `${image.matrix_columns} × ${image.matrix_rows}${ratio}`, line = Math.max(height, 14);
    svg.append(draw("g", {role: "button", tabindex: 0, "data-path": image.path}, draw("title", {}, image.path), draw("rect", {x: 2, y, width, height}), draw("text", {x: width + 8, y: y + Math.min(height, 300) / 2 + 4}, label)));
    y += line + 6;
  });
  svg.setAttribute("viewBox", `0 0 380 ${y}`);
  svg.addEventListener("click", event => { const hit = event.target.closest("g"); if (hit) choose(hit.dataset.path); });
  svg.addEventListener("keydown", event => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(event.target.dataset.path); } });
  return make("figure", {}, make("figcaption", {}, "Pyramid, to scale"), svg);
}
function glass(images) {
  const svg = draw("svg", {viewBox: "-1 -2 79 30", role: "img", "aria-label": "images on the slide"}, draw("rect", {class: "glass", x: 0, y: 0, width: 76, height: 26, rx: .8}));
  let placed = 0;
  for (const image of images) {
    if (!image.origin || !image.spacing || image.orientation.length !== 4) continue;
    const [rx, ry, cx, cy] = image.orientation, w = image.matrix_columns * image.spacing, h = image.matrix_rows * image.spacing, [x0, y0] = image.origin;
    const xs = [x0, x0 + rx * w, x0 + cx * h, x0 + rx * w + cx * h], ys = [y0, y0 + ry * w, y0 + cy * h, y0 + ry * w + cy * h];
    // PS3.3 Figure C.8.12-1: X goes along the short side, Y along the long one; the label is at the far end of Y.
    const left = Math.min(...ys), top = Math.min(...xs);
    svg.append(draw("rect", {x: left, y: top, width: Math.max(...ys) - left, height: Math.max(...xs) - top, "stroke-width": .2, style: "stroke-width:.2"}, draw("title", {}, `${image.flavour} ${image.path}: ${w.toFixed(2)} × ${h.toFixed(2)} mm`)));
    // The name of what is large enough for it; the others have it as a tooltip.
    if (image.flavour && image.flavour !== "VOLUME" && Math.max(...ys) - left > 14) svg.append(draw("text", {x: left + .8, y: top + 3, style: "font-size:2.4px"}, image.flavour));
    placed++;
  }
  return placed ? make("figure", {}, make("figcaption", {}, "On the slide (26 × 76 mm), X down, Y to the right"), svg) : null;
}
function thumbnails(images) {
  const asked = images.filter(image => image.thumbnail || image.no_thumbnail), shown = asked.filter(image => image.thumbnail);
  if (!asked.length) return null;
  return make("figure", {class: "thumbnails"}, make("figcaption", {}, `Thumbnails${shown.length ? "; they can show patient data" : ""}`),
    make("div", {}, ...shown.map(image => make("img", {src: `data:image/png;base64,${image.thumbnail}`, alt: `${image.flavour || "image"} ${image.path}`, title: `${image.flavour} ${image.matrix_columns} × ${image.matrix_rows} ${image.path}`}))),
    ...asked.filter(image => !image.thumbnail).map(image => make("small", {}, `${image.flavour || "image"} ${image.matrix_columns} × ${image.matrix_rows}: no thumbnail, ${image.no_thumbnail}. `)));
}
const STATES = [["missing", "missing"], ["present", "present"], ["duplicate", "duplicate"], ["off", "off the grid"]];
async function tileMap(target, image) {
  target.replaceChildren();
  if (!image.cells) { target.append(make("p", {class: "quiet"}, "The positions of its tiles are not known.")); return; }
  const cells = await unpack(bytes(image.cells), "deflate"), first = new Int32Array((await unpack(bytes(image.first), "deflate")).buffer);
  const canvas = make("canvas", {width: image.columns, height: image.rows, tabindex: 0, role: "img", "data-path": image.path}), context = canvas.getContext("2d", {willReadFrequently: true});
  const picture = context.createImageData(image.columns, image.rows), counts = [0, 0, 0, 0];
  const shades = STATES.map(([name]) => { context.fillStyle = color(name).trim(); context.fillRect(0, 0, 1, 1); return context.getImageData(0, 0, 1, 1).data; });
  cells.forEach((cell, place) => { counts[cell]++; picture.data.set(shades[cell], place * 4); });
  context.putImageData(picture, 0, 0);
  canvas.style.aspectRatio = `${image.columns} / ${image.rows}`;
  const small = Math.min(1, 480 / image.columns, 360 / image.rows), zoom = small < 1 ? small : Math.min(24, Math.floor(Math.min(480 / image.columns, 360 / image.rows)));
  canvas.style.width = `${image.columns * zoom}px`; canvas.style.maxWidth = "100%";
  const legend = STATES.map(([name, label], place) => counts[place] ? make("span", {}, make("i", {style: `background:var(--${name})`}), `${label} ${counts[place]}`) : null);
  const summary = `${counts[1] + counts[2] + counts[3]} of ${cells.length} tiles have a frame`;
  canvas.setAttribute("aria-label", summary);
  canvas.addEventListener("mousemove", event => {
    const box = canvas.getBoundingClientRect(), x = Math.floor((event.clientX - box.left) / box.width * image.columns), y = Math.floor((event.clientY - box.top) / box.height * image.rows), place = y * image.columns + x;
    if (place < 0 || place >= cells.length) return;
    say(event, `column ${x + 1}, row ${y + 1}: ${STATES[cells[place]][1]}${first[place] >= 0 ? `, frame ${first[place] + 1}` : ""} · ${image.path}`);
  });
  canvas.addEventListener("mouseleave", event => say(event, ""));
  target.append(make("figure", {}, make("figcaption", {}, `Tiles of ${image.matrix_columns} × ${image.matrix_rows}: ${image.columns} × ${image.rows}${image.planes > 1 ? `, ${image.planes} planes or paths` : ""}`), canvas,
    make("p", {class: "legend quiet"}, ...legend, image.outside ? make("span", {}, `outside the matrix ${image.outside}`) : null)));
  const sizes = image.sizes ? new Int32Array((await unpack(bytes(image.sizes), "deflate")).buffer) : [];
  if (sizes.length > 1) target.append(frameSizes(sizes));
}
function frameSizes(sizes) {
  const canvas = make("canvas", {width: 480, height: 70, role: "img", "aria-label": "sizes of frames"}), context = canvas.getContext("2d"), bins = Math.min(480, sizes.length);
  const most = new Float64Array(bins);
  let largest = 1, least = Infinity, total = 0;
  sizes.forEach((size, place) => { const bin = Math.floor(place * bins / sizes.length); most[bin] = Math.max(most[bin], size); largest = Math.max(largest, size); least = Math.min(least, size); total += size; });
  context.fillStyle = color("present");
  most.forEach((size, bin) => { const height = Math.max(1, size / largest * 68); context.fillRect(bin * 480 / bins, 70 - height, Math.max(1, 480 / bins - (bins < 120 ? 1 : 0)), height); });
  return make("figure", {}, make("figcaption", {}, `Sizes of ${plural(sizes.length, "frame")}: ${least} to ${largest} bytes, ${Math.round(total / sizes.length)} on average`), canvas);
}
// "3 errors, 1 warning" for each slide: what was found in its images and of them together.
function countsOfSlides() {
  const counts = new Map();
  for (const row of report.findings) { const name = report.subjects[row[SUBJECT]][0]; if (!counts.has(name)) counts.set(name, [0, 0, 0]); counts.get(name)[row[RANK]]++; }
  return slide => {
    const found = [`slide ${slide.id}`, ...slide.images.map(image => image.path)].map(name => counts.get(name)).filter(Boolean);
    const [warnings, errors] = [1, 2].map(rank => found.reduce((sum, one) => sum + one[rank], 0));
    return make("span", {class: "count"}, errors ? make("span", {class: "error"}, plural(errors, "error")) : "", errors && warnings ? ", " : "", warnings ? make("span", {class: "warning"}, plural(warnings, "warning")) : "", errors || warnings ? "" : "no errors or warnings");
  };
}
function slides() {
  if (!report.slides.length) return null;
  const section = make("section", {id: "slides"}, make("h2", {}, "Slides")), counts = countsOfSlides(), few = report.slides.length <= 3;
  paged(section, report.slides, slide => {
    const map = make("div", {class: "map"}), choose = path => {
      for (const node of box.querySelectorAll("svg g rect")) node.classList.toggle("chosen", node.parentNode.dataset.path === path);
      tileMap(map, slide.images.find(image => image.path === path));
    };
    const about = [`${slide.id} `, counts(slide)], box = make(few ? "div" : "details", {class: "slide"}, few ? make("h3", {}, ...about) : make("summary", {}, make("h3", {}, ...about)), make("div", {class: "figures"}, make("div", {}, pyramid(slide.images, choose), glass(slide.images), thumbnails(slide.images)), map),
      make("p", {class: "quiet"}, slide.images.map(image => `${image.flavour || "image"} ${image.matrix_columns} × ${image.matrix_rows}`).join(" · ")));
    const largest = [...slide.images].sort((a, b) => b.matrix_columns - a.matrix_columns)[0];
    // Drawn when it is seen: tile maps of many slides take time.
    const seen = new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) { seen.disconnect(); choose(largest.path); } });
    seen.observe(map);
    return box;
  });
  return section;
}
// Contexts of one syntax each as a grid: classes down, syntaxes across.
function contextGrid(contexts) {
  const single = contexts.filter(([, names]) => names.length === 1), syntaxes = [...new Set(single.map(([, [name]]) => name))];
  if (syntaxes.length < 2) return null;
  const classes = [...new Set(single.map(([name]) => name))];
  const cell = (name, syntax) => {
    const found = single.find(([one, [other]]) => one === name && other === syntax);
    return make("td", {class: "cell", title: found ? `${name}, ${syntax}: ${found[3]}` : `${name}, ${syntax}: not proposed`}, found ? make("i", {class: found[2] === 0 ? "yes" : "no"}, found[2] === 0 ? "✓" : "✗") : "·");
  };
  return make("figure", {class: "grid"}, make("figcaption", {}, "Presentation contexts by transfer syntax"), make("table", {},
    make("tr", {}, make("th", {}), ...syntaxes.map(syntax => make("th", {scope: "col"}, make("span", {}, syntax)))),
    ...classes.map(name => make("tr", {}, make("th", {scope: "row"}, name), ...syntaxes.map(syntax => cell(name, syntax))))));
}
function associations() {
  if (!report.associations.length) return null;
  const row = ([name, names, result, answer]) => make("tr", {}, make("td", {}, name), make("td", {}, names.join(", ")), make("td", {class: result === 0 ? "" : "error"}, answer));
  return make("section", {}, make("h2", {}, "Associations"), ...report.associations.map(one => {
    const grid = contextGrid(one.contexts), others = grid ? one.contexts.filter(([, names]) => names.length > 1) : one.contexts;
    return make("details", {class: "group", ...(report.associations.length < 4 ? {open: ""} : {})}, make("summary", {}, make("span", {}, one.status), make("b", {}, `${one.id} ${one.title}`), ""),
      make("div", {class: "body"}, make("dl", {}, ...one.lines.flatMap(([label, text]) => [make("dt", {}, label), make("dd", {}, text)])), grid,
        others.length ? make("table", {}, ...others.map(row)) : null));
  }));
}
(async () => {
  report = JSON.parse(new TextDecoder().decode(await unpack(bytes(document.getElementById("data").textContent), "gzip")));
  readState();
  const main = document.getElementById("main");
  const sections = [slides(), associations(), findings(), notChecked()].filter(Boolean);
  main.replaceChildren(...sections);
  // Buttons, for the address holds the filter.
  if (sections.length > 2) document.getElementById("sections").append(...sections.map(one => make("button", {type: "button", onclick: () => one.scrollIntoView()}, one.querySelector("h2").textContent)));
  list();
  addEventListener("hashchange", () => { readState(); document.getElementById("search").value = state.q; list(); });
  // Paper has what the list shows, opened; the "toggle" of a group would come after the page was drawn.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details.group:not([open])")];
    for (const node of opened) { node.dispatchEvent(new Event("fill")); node.open = true; }
  });
  addEventListener("afterprint", () => { for (const node of opened) node.open = false; });
  document.body.dataset.ready = String(Math.round(performance.now()));
})();
