"use strict";
(() => {
  const { data } = planner;
  const at = id => document.getElementById(id);
  const COLOURS = ["#0072B2", "#B36B00", "#007A5A", "#000000"];
  const DASHES = ["", "9 4", "3 3", "9 3 2 3"];
  const state = { ...data.asked };

  // ------------------------------------------------------------ numbers as planner writes them
  const scientific = (x, digits = 3) => x.toExponential(digits - 1).replace("e+", "e");
  function significant(x, digits = 3) {
    if (x === 0) return "0";
    const text = scientific(x, digits), exponent = Number(text.split("e")[1]);
    return exponent >= -4 && exponent < Math.max(digits, 6) ? x.toFixed(Math.max(digits - 1 - exponent, 0)) : text;
  }
  function count(x, digits = 3) {
    if (x < 999.5) return significant(x, digits);
    for (const [scale, letter] of [[3, "K"], [6, "M"], [9, "B"], [12, "T"]]) {
      if (Number(x.toExponential(digits - 1)) < 10 ** (scale + 3)) return `${significant(x / 10 ** scale, digits)} ${letter}`;
    }
    return scientific(x, digits);
  }
  const flopText = x => `${scientific(x)} FLOP`;
  function moneyText(x) {
    for (const [scale, letter] of [[12, "T"], [9, "B"], [6, "M"], [3, "k"]]) if (x >= 0.9995 * 10 ** scale) return `$${significant(x / 10 ** scale)}${letter}`;
    return `$${significant(x)}`;
  }
  function energyText(kwh) {
    for (const [scale, unit] of [[9, "TWh"], [6, "GWh"], [3, "MWh"]]) if (kwh >= 0.9995 * 10 ** scale) return `${significant(kwh / 10 ** scale)} ${unit}`;
    return `${significant(kwh)} kWh`;
  }
  function timeText(hours) {
    if (hours < 0.95) return `${significant(60 * hours)} minutes`;
    if (hours < 47.5) return `${significant(hours)} hours`;
    return hours < 2 * 8760 ? `${significant(hours / 24)} days` : `${significant(hours / 8760)} years`;
  }
  const whole = x => (x < 1 ? significant(x) : Math.round(x).toLocaleString("en-US"));

  // ------------------------------------------------------------ reading what is typed
  const NUMBER = "([0-9]+(?:\\.[0-9]*)?(?:e[+-]?[0-9]+)?|\\.[0-9]+)";
  const SCALES = { "": 1, k: 1e3, m: 1e6, b: 1e9, t: 1e12 };
  const FLOPS = { k: 1e3, m: 1e6, g: 1e9, t: 1e12, p: 1e15, e: 1e18, z: 1e21, y: 1e24, "": 1 };
  const plainly = text => text.trim().replace(/,(?=\d{3}(?:,|$|\.))/g, "").toLowerCase();
  function readAmount(text) {
    const match = new RegExp(`^${NUMBER}\\s*([kmbt]?)$`).exec(plainly(text));
    return match ? Number(match[1]) * SCALES[match[2]] : NaN;
  }
  function readBudget(text) {
    const match = new RegExp(`^${NUMBER}\\s*(?:([kmgtpezy]?)flops?|(pf[ -]?days?))?$`).exec(plainly(text));
    return match ? Number(match[1]) * (match[3] ? 8.64e19 : FLOPS[match[2] ?? ""]) : NaN;
  }
  function readShare(text) { // 0.4, 40 and 40% are the same, as far as they can be told apart
    const match = new RegExp(`^${NUMBER}\\s*(%?)$`).exec(plainly(text));
    if (!match) return NaN;
    const number = Number(match[1]);
    return match[2] || number > 1 ? number / 100 : number;
  }
  const wrong = new Set();
  function read(id, low, high, { empty = false, reader = readAmount } = {}) {
    const field = at(id), text = field.value.trim(), number = text === "" ? null : reader(text);
    const good = text === "" ? empty : number >= low && number <= high;
    field.setAttribute("aria-invalid", String(!good));
    at(`${id}-wrong`).textContent = good ? "" : field.dataset.wrong;
    if (good) wrong.delete(id); else wrong.add(id);
    if (!good) blank(`The field "${field.labels[0].textContent}" cannot be read: no answer.`);
    return good ? number : undefined;
  }
  const ANSWERS = ["flops", "params", "tokens", "ratio", "loss", "band", "epochs", "hours", "time", "dollars", "price", "energy"];
  function blank(why) {
    for (const name of ANSWERS) at(`out-${name}`).textContent = ["epochs", "price"].includes(name) ? "" : "-";
    at("out-beyond").textContent = why;
    at("out-beyond").classList.add("warning");
    document.querySelector(".plots").hidden = true;
  }

  // ------------------------------------------------------------ plots
  const SVG = "http://www.w3.org/2000/svg";
  function element(name, attributes, parent, text) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    parent.append(made);
    return made;
  }
  function ticksOf(low, high, isLog) {
    if (!isLog) {
      const rough = (high - low) / 5, step = 10 ** Math.floor(Math.log10(rough));
      const size = [1, 2, 5, 10].find(each => each * step >= rough) * step, found = [];
      for (let tick = Math.ceil(low / size) * size; tick <= high + 1e-12; tick += size) found.push(tick);
      return found;
    }
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9), step = Math.max(1, Math.ceil((last - first) / 6));
    const found = [];
    for (let e = first; e <= last; e++) if ((e - first) % step === 0) found.push(10 ** e);
    return found;
  }
  function draw(id, spec) {
    const svg = at(id), width = 560, height = 360, box = { left: 62, right: 14, top: 14, bottom: 46 };
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.replaceChildren();
    element("title", {}, svg, spec.title);
    const along = (scale, from, to) => {
      const f = scale.log ? Math.log : x => x, a = f(scale.ends[0]), b = f(scale.ends[1]);
      return value => from + ((f(value) - a) / (b - a)) * (to - from);
    };
    const X = along(spec.x, box.left, width - box.right), Y = along(spec.y, height - box.bottom, box.top);
    for (const tick of ticksOf(...spec.x.ends, spec.x.log)) {
      element("line", { x1: X(tick), x2: X(tick), y1: box.top, y2: height - box.bottom, class: "grid" }, svg);
      element("text", { x: X(tick), y: height - box.bottom + 16, "text-anchor": "middle" }, svg, spec.x.write(tick));
    }
    for (const tick of ticksOf(...spec.y.ends, spec.y.log)) {
      element("line", { x1: box.left, x2: width - box.right, y1: Y(tick), y2: Y(tick), class: "grid" }, svg);
      element("text", { x: box.left - 6, y: Y(tick) + 4, "text-anchor": "end" }, svg, spec.y.write(tick));
    }
    element("text", { x: (box.left + width) / 2, y: height - 8, "text-anchor": "middle", class: "label" }, svg, spec.x.label);
    const turned = `rotate(-90 14 ${height / 2 - 16})`;
    element("text", { x: 14, y: height / 2 - 16, transform: turned, "text-anchor": "middle", class: "label" }, svg, spec.y.label);
    const clip = `${id}-clip`;
    const area = { x: box.left, y: box.top, width: width - box.left - box.right, height: height - box.top - box.bottom };
    element("rect", area, element("clipPath", { id: clip }, element("defs", {}, svg)));
    const inside = element("g", { "clip-path": `url(#${clip})` }, svg);
    for (const band of spec.bands ?? []) {
      element("rect", { x: X(band[0]), y: box.top, width: Math.max(X(band[1]) - X(band[0]), 0), height: area.height, class: "band" }, inside);
    }
    for (const line of spec.lines) {
      const path = line.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).map(([x, y]) => `${X(x).toFixed(2)},${Y(y).toFixed(2)}`);
      const look = { points: path.join(" "), class: line.main ? "main" : "", stroke: COLOURS[line.group], "stroke-dasharray": DASHES[line.group] };
      element("polyline", { fill: "none", "data-label": line.label, ...look }, inside);
    }
    let below = false; // small texts stand above and below in turn
    for (const mark of spec.marks) {
      below = Boolean(mark.small) && !below;
      element("circle", { cx: X(mark.x), cy: Y(mark.y), r: mark.small ? 3 : 5, class: mark.small ? "model" : "best", "data-x": mark.x, "data-y": mark.y, "data-label": mark.text }, inside);
      const end = X(mark.x) > width - 130;
      element("text", { x: X(mark.x) + (end ? -8 : 8), y: Y(mark.y) + (below ? 13 : -6), "text-anchor": end ? "end" : "start", class: mark.small ? "small" : "" }, inside, mark.text);
    }
    const key = at(`${id}-key`);
    key.replaceChildren(...spec.lines.filter(line => line.label).map(line => {
      const item = document.createElement("li"), sample = document.createElementNS(SVG, "svg");
      sample.setAttribute("viewBox", "0 0 36 8");
      sample.setAttribute("aria-hidden", "true");
      element("line", { x1: 0, x2: 36, y1: 4, y2: 4, stroke: COLOURS[line.group], "stroke-width": 2.5, "stroke-dasharray": DASHES[line.group] }, sample);
      item.append(sample, ` ${line.label}`);
      return item;
    }));
    at(`${id}-said`).textContent = spec.said;
  }
  const grid = (low, high, points) => Array.from({ length: points }, (_, i) => low * (high / low) ** (i / (points - 1)));

  function drawIsoflop(law, found) {
    const figure = at("isoflop-figure"), none = at("isoflop-none");
    const known = planner.lossOf(law.id, found.params, found.tokens, state.unique) !== null;
    const budgets = [state.flops, state.flops / 10, state.flops * 10];
    const best = budgets.map(C => planner.answer(law.id, C, state.unique));
    const lowest = best.map((each, i) => planner.lossOf(law.id, each.params, planner.tokensFor(law.id, budgets[i], each.params), state.unique));
    const ends = [best[1].params / 12, best[2].params * 12], gap = lowest[1] - lowest[2];
    const drawable = known && gap > 1e-7 * Math.abs(lowest[0]) && gap < Infinity && !best.some(each => each.exhausted);
    figure.hidden = !drawable;
    none.hidden = drawable;
    none.textContent = known ? "Here more compute no longer changes the loss: there is no curve to draw."
      : "This law says how N and D grow, not which loss another size has: there is no curve of loss against size.";
    if (!drawable) return;
    const lines = budgets.map((C, group) => ({
      group, main: group === 0, label: flopText(C),
      points: grid(...ends, 121).map(N => [N, planner.lossOf(law.id, N, planner.tokensFor(law.id, C, N), state.unique)]),
    }));
    draw("isoflop", {
      title: "Loss against parameters at fixed compute",
      x: { log: true, ends, label: "parameters N", write: x => count(x, 1) },
      y: { log: false, ends: [lowest[2] - gap / 8, lowest[1] + gap / 2], label: `loss, ${law.unit}`, write: y => significant(y, 3) },
      bands: found.band ? [found.band] : [],
      lines,
      marks: best.map((each, i) => ({ x: each.params, y: lowest[i], text: count(each.params) })),
      said: `With ${flopText(state.flops)} the loss is lowest, ${significant(lowest[0], 4)}, at ${count(best[0].params)} parameters; with a tenth of the `
        + `compute at ${count(best[1].params)}, with ten times at ${count(best[2].params)}.`
        + (found.band ? " The shaded sizes cost at most 1 % more compute." : ""),
    });
  }
  function drawGrowth(law) {
    const ends = [Math.max(state.flops / 1e3, 1), Math.max(state.flops, 1) * 1e3];
    const along = grid(...ends, 49).map(C => [C, planner.answer(law.id, C, state.unique)]).filter(([, each]) => !each.exhausted);
    at("growth-figure").hidden = along.length < 2;
    if (along.length < 2) return;
    const models = data.models.params.map((each, i) => ({ ...each, tokens: data.models.tokens[i].y })).filter(each => each.x > ends[0] && each.x < ends[1]);
    const values = along.flatMap(([, each]) => [each.params, each.tokens]);
    const here = planner.answer(law.id, state.flops, state.unique);
    draw("growth", {
      title: "Optimal parameters and tokens against compute",
      x: { log: true, ends, label: "training compute C, FLOP", write: x => scientific(x, 1) },
      y: { log: true, ends: [Math.min(...values) / 2, Math.max(...values) * 2], label: "parameters N, tokens D", write: y => count(y, 1) },
      lines: [
        { group: 0, main: true, label: "parameters N", points: along.map(([C, each]) => [C, each.params]) },
        { group: 1, label: "tokens D", points: along.map(([C, each]) => [C, each.tokens]) },
      ],
      marks: [
        ...models.map(each => ({ x: each.x, y: each.y, text: each.name, small: true })),
        { x: state.flops, y: here.params, text: count(here.params) },
        { x: state.flops, y: here.tokens, text: count(here.tokens) },
      ],
      said: `From ${flopText(ends[0])} to ${flopText(ends[1])} parameters grow from ${count(along[0][1].params)} to ${count(along.at(-1)[1].params)} and tokens `
        + `from ${count(along[0][1].tokens)} to ${count(along.at(-1)[1].tokens)}. Small dots: parameters of published models.`,
    });
  }

  // ------------------------------------------------------------ answers
  function show() {
    const law = planner.laws.get(state.law), weighs = planner.weighsUnique(state.law);
    at("unique-note").textContent = !state.unique ? "" : weighs
      ? (law.carried ? `What repeated tokens are worth is carried over from ${law.carried}.` : "")
      : `${law.id} cannot weigh repeated tokens on this page; plan --unique-tokens can.`;
    showLaws();
    if (wrong.size) return;
    if (state.unique && !weighs) {
      blank(`${law.id} cannot weigh ${count(state.unique)} unique tokens on this page: empty the field, or ask plan --unique-tokens.`);
      return;
    }
    document.querySelector(".plots").hidden = false;
    const found = planner.answer(state.law, state.flops, state.unique);
    const device = data.devices.find(each => each.id === state.device);
    const taken = planner.cost({ ...state, mfu: state.mfu ?? device.mfu });
    const price = state.price ?? device.price?.expected ?? null;
    const say = (id, text) => { at(id).textContent = text; };
    say("out-flops", flopText(state.flops));
    say("out-params", found.exhausted ? "-" : count(found.params));
    say("out-tokens", found.exhausted ? "-" : count(found.tokens));
    say("out-ratio", found.exhausted ? "-" : significant(found.tokens_per_param));
    say("out-loss", found.loss === null ? "this law gives none" : `${significant(found.loss, 4)} ${law.unit}`);
    say("out-band", found.band ? `${count(found.band[0])} to ${count(found.band[1])}` : "not known");
    say("out-epochs", found.epochs === null ? "each token once" : `${significant(found.epochs)} passes over ${count(state.unique)} unique tokens`);
    say("out-hours", whole(taken.device_hours));
    say("out-time", taken.hours === null ? "on how many devices?" : timeText(taken.hours));
    say("out-dollars", taken.dollars === null ? "no price is known: give one" : moneyText(taken.dollars));
    say("out-price", price === null ? "" : `at $${price >= 0.1 ? price.toFixed(2) : significant(price, 2)} a device-hour${state.price === null ? `, published ${device.dated}` : ""}`);
    say("out-energy", taken.kwh === null ? "no power is published" : energyText(taken.kwh));
    const factor = found.extrapolation;
    const beyond = factor === null ? "The range of this law's runs is not known."
      : factor > 10 ? `WARNING: ${significant(factor)}x outside the runs of this law: a guess, not a forecast.`
        : factor > 1 ? `${significant(factor)}x outside the runs of this law.` : "Inside the runs of this law.";
    const worn = found.epochs > planner.worn(state.law)
      ? ` WARNING: ${significant(found.epochs)} passes over the unique tokens: beyond ${significant(planner.worn(state.law))} one more is worth next to nothing; find more data.`
      : "";
    say("out-beyond", beyond + worn);
    at("out-beyond").classList.toggle("warning", (factor !== null && factor > 10) || worn !== "");
    at("law-notes").replaceChildren(...law.notes.map(note => {
      const item = document.createElement("li");
      item.textContent = (note.warning ? "WARNING: " : "") + note.text;
      return item;
    }));
    say("law-source", `${law.id}: ${law.equation}. ${law.reference}. N counts ${law.counts}; ${law.data}.`);
    drawIsoflop(law, found);
    drawGrowth(law);
  }
  function showLaws() {
    for (const row of at("laws").tBodies[0].rows) {
      const each = planner.answer(row.dataset.law, state.flops), cells = row.cells;
      cells[1].textContent = count(each.params);
      cells[2].textContent = count(each.tokens);
      const unit = planner.laws.get(row.dataset.law).unit;
        cells[3].textContent = each.loss === null ? "-" : significant(each.loss, 4) + (unit === "nats/token" ? "" : ` (${unit})`);
      cells[4].textContent = each.extrapolation === null ? "unknown" : each.extrapolation > 1 ? `${significant(each.extrapolation)}x` : "no";
      row.classList.toggle("chosen", row.dataset.law === state.law);
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.law === state.law));
    }
  }
  function setBudget(flops, from) {
    state.flops = flops;
    if (from !== "slider") at("slider").value = Math.log10(flops);
    if (from !== "flops") at("flops").value = scientific(flops);
    at("slider").setAttribute("aria-valuetext", flopText(flops));
    at("flops").setAttribute("aria-invalid", "false");
    at("flops-wrong").textContent = "";
    wrong.delete("flops");
    show();
  }
  function setLaw(id) {
    state.law = id;
    at("law").value = id;
    show();
  }
  at("slider").addEventListener("input", event => setBudget(10 ** Number(event.target.value), "slider"));
  at("flops").addEventListener("input", () => { const value = read("flops", 1, 1e60, { reader: readBudget }); if (value !== undefined) setBudget(value, "flops"); });
  at("law").addEventListener("change", event => setLaw(event.target.value));
  at("unique").addEventListener("input", () => { const value = read("unique", 1e3, 1e30, { empty: true }); if (value !== undefined) { state.unique = value; show(); } });
  at("device").addEventListener("change", event => { state.device = event.target.value; show(); });
  at("devices").addEventListener("input", () => { const value = read("devices", 1, 1e9, { empty: true }); if (value !== undefined) { state.devices = value; show(); } });
  at("mfu").addEventListener("input", () => { const value = read("mfu", 1e-4, 1, { reader: readShare }); if (value !== undefined) { state.mfu = value; show(); } });
  at("price").addEventListener("input", () => { const value = read("price", 1e-6, 1e9, { empty: true }); if (value !== undefined) { state.price = value; show(); } });
  at("laws").addEventListener("click", event => { const button = event.target.closest("button"); if (button) setLaw(button.closest("tr").dataset.law); });
  at("explore").hidden = false;
  setBudget(state.flops);
})();
