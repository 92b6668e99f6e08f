"use strict";
// Names come from files: they reach the page as text only, never as markup.
const SVG = "http://www.w3.org/2000/svg";
const AT_ONCE = 24;
const thumbnails = JSON.parse(document.getElementById("thumbnails").textContent);

function make(tag, attributes, ...children) {
  const element = tag.startsWith("svg:")
    ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The photo and its boxes are one SVG, so they scale as one.
function picture(photo, models, truthColour, shown) {
  const [uri, width, height] = thumbnails[photo.photo];
  const svg = make("svg:svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": photo.name },
    make("svg:image", { href: uri, width, height }));
  const draw = (box, colour, key) => {
    if (!box) return;
    const [x0, y0, x1, y1] = box.map((value, i) => value / 1000 * (i % 2 ? height : width));
    const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
    const group = make("svg:g", { "data-box": key },
      make("svg:rect", { ...place, class: "rim" }), make("svg:rect", { ...place, stroke: colour }));
    group.style.display = shown(key) ? "" : "none";
    svg.append(group);
  };
  draw(photo.truth, truthColour, "truth");
  // The first model last, so that nothing covers it.
  for (let i = models.length - 1; i >= 0; i--) draw(photo.boxes[i], models[i].colour, String(i));
  return svg;
}

function card(photo, models, truthColour, shown) {
  const scores = make("span", { class: "scores" });
  models.forEach((model, i) => {
    const iou = photo.iou[i];
    const text = iou === null ? "not scored" : photo.boxes[i] ? iou.toFixed(2) : "no box";
    const key = make("span", { class: "key" });
    key.style.background = model.colour;
    const score = make("span", { "data-box": i, title: model.name }, key, " ", text);
    score.style.display = shown(String(i)) ? "" : "none";
    scores.append(score);
  });
  const kind = [photo.category || photo.supercategory, `${photo.area} % of photo`].filter(Boolean).join(", ");
  return make("figure", { "data-image": photo.name }, picture(photo, models, truthColour, shown),
    make("figcaption", {}, scores, make("span", {}, kind),
      make("span", { class: "interval", title: photo.name }, photo.name.split("/").pop())));
}

// Higher comes first; null (a model that is not scored on the photo) comes last.
const difference = (x, y) => (x === null || y === null ? null : x - y);
const negative = (x) => (x === null ? null : -x);
const ORDERS = {
  worst: (p, a) => negative(p.iou[a]),
  best: (p, a) => p.iou[a],
  behind: (p, a, b) => difference(p.iou[b], p.iou[a]),
  ahead: (p, a, b) => difference(p.iou[a], p.iou[b]),
  apart: (p, a, b) => { const d = difference(p.iou[a], p.iou[b]); return d === null ? null : Math.abs(d); },
  others: (p, a) => difference(Math.max(...p.iou.filter((v, i) => i !== a && v !== null), -1), p.iou[a]),
  small: (p) => -p.area,
  large: (p) => p.area,
};

function sorted(photos, order, a, b) {
  if (order === "name") return [...photos].sort((p, q) => (p.name < q.name ? -1 : p.name > q.name ? 1 : 0));
  const keyed = photos.map((photo) => [ORDERS[order](photo, a, b), photo]);
  keyed.sort(([x], [y]) => (x === null) - (y === null) || y - x);
  return keyed.map(([, photo]) => photo);
}

function startGallery(section, data) {
  const gallery = section.querySelector(".gallery");
  const control = (name) => gallery.querySelector(`[data-control="${name}"]`);
  const value = (name) => (control(name) ? control(name).value : "");
  const part = (role) => gallery.querySelector(`[data-role="${role}"]`);
  const boxSwitch = (key) => gallery.querySelector(`input[data-box="${key}"]`);
  const truthColour = getComputedStyle(boxSwitch("truth").nextElementSibling).backgroundColor;
  let chosen = [], built = 0;

  function more() {
    const next = chosen.slice(built, built + AT_ONCE);
    part("photos").append(...next.map((photo) => card(photo, data.models, truthColour, (key) => boxSwitch(key).checked)));
    built += next.length;
    part("more").hidden = built === chosen.length;
    part("count").textContent = `${chosen.length} of ${data.photos.length} photos, ${built} shown`;
  }
  function renew() {
    const search = value("name").toLowerCase();
    const kept = data.photos.filter((photo) => photo.name.toLowerCase().includes(search)
      && ["size", "supercategory", "category"].every((name) => !value(name) || photo[name] === value(name)));
    chosen = sorted(kept, value("order"), Number(value("a")), Number(value("b")));
    built = 0;
    part("photos").replaceChildren();
    more();
  }
  function toggle(key) {
    for (const element of part("photos").querySelectorAll(`[data-box="${key}"]`)) {
      element.style.display = boxSwitch(key).checked ? "" : "none";
    }
  }
  gallery.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  gallery.querySelector("form").addEventListener("input", (event) => {
    // Whoever is chosen is to be seen.
    if (["a", "b"].includes(event.target.dataset.control)) boxSwitch(event.target.value).checked = true;
    renew();
  });
  gallery.querySelector(".boxes").addEventListener("change", (event) => toggle(event.target.dataset.box));
  part("more").addEventListener("click", more);
  gallery.hidden = false;
  renew();
  return (name) => {
    for (const filter of ["size", "supercategory", "category"]) if (control(filter)) control(filter).value = "";
    control("name").value = name;
    renew();
    gallery.scrollIntoView();
  };
}

function startScatter(section, data, find) {
  const select = section.querySelector('[data-control="scatter"]');
  if (!select) return;
  const draw = () => {
    const other = Number(select.value), at = (iou) => 30 + 260 * iou;
    const svg = make("svg:svg", { viewBox: "0 0 310 310", role: "img", "aria-label": "scatter of IoU" });
    const text = (x, y, content, anchor) => make("svg:text", { x, y, "text-anchor": anchor }, content);
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      svg.append(
        make("svg:path", { class: "grid", d: `M${at(tick)} 10V270M30 ${280 - at(tick) + 20}H290` }),
        text(at(tick), 284, tick, "middle"), text(26, 303 - at(tick), tick, "end"));
    }
    svg.append(make("svg:path", { class: "diagonal", d: "M30 270L290 10" }),
      text(290, 300, data.models[0].name, "end"), text(34, 8, data.models[other].name, "start"));
    let above = 0, below = 0;
    for (const photo of data.photos) {
      const x = photo.iou[0], y = photo.iou[other];
      if (x === null || y === null) continue;
      if (y - x > data.tie) above++;
      if (x - y > data.tie) below++;
      const dot = make("svg:circle", { cx: at(x), cy: 300 - at(y), r: 3, fill: data.models[other].colour },
        make("svg:title", {}, `${photo.name}: ${x.toFixed(2)} and ${y.toFixed(2)}`));
      dot.addEventListener("click", () => find(photo.name));
      svg.append(dot);
    }
    section.querySelector('[data-role="scatter"]').replaceChildren(svg);
    section.querySelector('[data-role="scatter-caption"]').textContent =
      `A dot per photo: ${above} above the diagonal, where ${data.models[other].name} is better, ${below} below ` +
      `(by more than ${data.tie}). ` +
      "Click a dot to see its photo.";
  };
  select.addEventListener("input", draw);
  draw();
}

for (const section of document.querySelectorAll("section[data-target]")) {
  const data = JSON.parse(section.querySelector('script[data-role="data"]').textContent);
  startScatter(section, data, startGallery(section, data));
}
