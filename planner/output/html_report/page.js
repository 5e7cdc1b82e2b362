"use strict";
(() => {
  const { data } = planner;
  const at = id => document.getElementById(id);
  const DASHES = ["", "9 4", "3 3"];
  const FIELDS = ["flops", "dollars", "devices", "days", "device", "mfu", "price", "grid", "law", "unique"];
  const state = {};

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
  function massText(kg) {
    if (kg < 1000) return `${significant(kg)} kg`;
    for (const [scale, unit] of [[12, "Gt"], [9, "Mt"], [6, "kt"]]) if (kg >= 0.9995 * 10 ** scale) return `${significant(kg / 10 ** scale)} ${unit}`;
    return `${significant(kg / 1000)} t`;
  }
  const percent = x => `${Number((100 * x).toPrecision(3))} %`;
  const whole = x => (x < 1 ? significant(x) : Math.round(x).toLocaleString("en-US"));


  // ------------------------------------------------------------ reading what is typed, as the command line reads it
  const NUMBER = "([1-9][0-9]{0,2}(?:,[0-9]{3}){2,}(?:\\.[0-9]*)?|[0-9]+(?:_[0-9]+)*(?:\\.[0-9]*)?|\\.[0-9]+)(?:e([+-]?[0-9]+))?";
  const SCALES = { "": 0, k: 3, thousand: 3, m: 6, million: 6, b: 9, billion: 9, t: 12, trillion: 12 };
  const FLOPS = { "": 0, k: 3, m: 6, g: 9, t: 12, p: 15, e: 18, z: 21, y: 24 };
  const HOURS = { "": 24, h: 1, hr: 1, hrs: 1, hour: 1, hours: 1, d: 24, day: 24, days: 24, w: 168, wk: 168, week: 168, weeks: 168, y: 8760, yr: 8760, year: 8760, years: 8760 };
  const COMMA = "A comma could be a decimal point or a thousands separator: write neither as a comma.";
  function split(text) { // a number and its unit; a text where there is none
    const match = new RegExp(`^${NUMBER}\\s*(.*)$`, "s").exec(text.trim().toLowerCase());
    if (!match) return "";
    if (/^[,.\d_]/.test(match[3])) return match[3].startsWith(",") ? COMMA : "";
    return [match[1].replace(/[,_]/g, ""), Number(match[2] ?? 0), match[3].trim()];
  }
  const scaled = (digits, power) => Number(`${digits}e${power}`);
  function measured(text, unit) {
    const parts = split(text);
    if (typeof parts === "string") return parts;
    const scale = unit(parts[2]);
    return scale === undefined ? "" : scale(parts[0], parts[1]);
  }
  const byPower = powers => unit => (unit in powers ? (digits, e) => scaled(digits, e + powers[unit]) : undefined);
  const readAmount = text => measured(text, byPower(SCALES));
  const readDollars = text => measured(text.replace(/^\s*(?:us)?\$|\s*(?:usd|dollars?)\s*$/gi, ""), byPower(SCALES));
  const readBudget = text => measured(text, unit => {
    const match = /^(?:([kmgtpezy]?) ?flops?|(pf[ -]?days?))?$/.exec(unit);
    return match === null ? undefined : (digits, e) => (match[2] ? scaled(digits, e) * 8.64e19 : scaled(digits, e + FLOPS[match[1] ?? ""]));
  });
  const readHours = text => measured(text, unit => (unit in HOURS ? (digits, e) => scaled(digits, e) * HOURS[unit] : undefined));
  const plain = text => (text.includes(",") ? COMMA : measured(text, byPower({ "": 0 })));
  function readShare(text) {
    const share = text.trim().endsWith("%"), number = plain(share ? text.trim().slice(0, -1) : text);
    if (typeof number === "string") return number;
    if (number > 1 && number <= 100 && !share) return `Above 1, so it could be meant in per cent: write ${number}%.`;
    return share ? number / 100 : number;
  }
  const wrong = new Map();
  function read(id, low, high, { needed = false, reader = readAmount, refused = () => "" } = {}) {
    const field = at(id), text = field.value.trim();
    const found = text === "" ? null : reader(text);
    const good = text === "" ? !needed : typeof found === "number" && found >= low && found <= high;
    const why = good ? (found === null ? "" : refused(found)) : (typeof found === "string" && found) || field.dataset.wrong;
    field.setAttribute("aria-invalid", String(why !== ""));
    at(`${id}-wrong`).textContent = why;
    if (why) wrong.set(id, field.labels[0].textContent);
    return why ? undefined : found;
  }
  function refuse(id, why) {
    at(id).setAttribute("aria-invalid", "true");
    at(`${id}-wrong`).textContent = why;
    wrong.set(id, at(id).labels[0].textContent);
  }
  const device = () => data.devices.find(each => each.id === state.device);
  const mode = () => document.querySelector("input[name=mode]:checked").value;
  function bestMatrix(mfu) { // no training beats the best matrix product
    const { best, dtype } = device();
    return best && mfu > best ? `Above ${percent(best)}, what the best ${dtype} matrix product measured on it reaches: training stays below.` : "";
  }
  function readAll() {
    wrong.clear();
    const kind = mode();
    for (const field of document.querySelectorAll("[data-mode]")) field.hidden = field.dataset.mode !== kind;
    for (const id of FIELDS) { const said = at(`${id}-wrong`); if (said) { said.textContent = ""; at(id).setAttribute("aria-invalid", "false"); } }
    state.law = at("law").value;
    state.device = at("device").value;
    state.grid = data.grids.find(each => each.name === at("grid").value) ?? null;
    state.overhead = data.asked.overhead;
    state.unique = read("unique", 1e3, 1e30);
    state.devices = read("devices", 1, 1e8, { needed: kind === "devices", refused: many => (Number.isInteger(many) ? "" : "Expected a whole number of devices.") });
    state.mfu = read("mfu", 1e-4, 1, { reader: readShare, refused: bestMatrix });
    state.price = read("price", 1e-6, 1e9, { reader: text => plain(text.replace(/^\s*\$/, "").replace(/\/h$/, "")) });
    at("mfu").placeholder = percent(device().mfu.expected);
    at("mfu-said").textContent = state.mfu === null ? device().said ?? "" : ""; // which model and layout it is forecast for
    at("price").placeholder = device().price ? device().price.expected.toFixed(2) : "not known";
    if (kind === "compute") {
      state.flops = read("flops", 1, 1e60, { needed: true, reader: readBudget });
      state.hours = null;
      state.dollars = null;
    } else if (kind === "devices") {
      state.hours = read("days", 1e-3, 1e7, { needed: true, reader: readHours });
      state.dollars = null;
      if (!wrong.size) state.flops = planner.flopsOf({ ...state, held: state.devices * state.hours }).expected;
    } else {
      state.dollars = read("dollars", 1e-3, 1e18, { needed: true, reader: readDollars });
      state.hours = null;
      const rate = state.price ?? device().price?.expected;
      if (!wrong.size && rate === undefined) refuse("price", "No price of this device is published: give one.");
      if (!wrong.size) state.flops = planner.flopsOf({ ...state, held: null }).expected;
    }
    if (!wrong.size && !(state.flops >= 1 && state.flops <= 1e60)) refuse({ compute: "flops", devices: "days", money: "dollars" }[kind], "That is less than 1 FLOP, or more than anybody has.");
    if (!wrong.size && kind !== "compute") at("flops").value = scientific(state.flops);
    if (!wrong.size && document.activeElement !== at("slider")) at("slider").value = Math.log10(state.flops);
    if (!wrong.size) at("slider").setAttribute("aria-valuetext", flopText(state.flops));
    remember();
    show();
  }

  // ------------------------------------------------------------ where the page stands: in the address, and against the plan
  const current = () => ({ mode: mode(), ...Object.fromEntries(FIELDS.map(id => [id, at(id).value])) });
  const bears = { flops: "compute", dollars: "money", days: "devices" };
  function remember() {
    const now = current(), moved = Object.keys(now).filter(id => now[id] !== data.start[id] && (!(id in bears) || bears[id] === now.mode));
    at("moved").hidden = moved.length === 0;
    const kept = new URLSearchParams(moved.map(id => [id, now[id]])).toString();
    try {
      if (kept !== location.hash.slice(1)) history.replaceState(null, "", kept ? `#${kept}` : location.pathname + location.search);
    } catch { /* a page in a frame without an address of its own remembers nothing */ }
  }
  function put(values) {
    for (const id of FIELDS) {
      const field = at(id), value = values[id] ?? data.start[id];
      field.value = value;
      if (field.tagName === "SELECT" && field.value !== value) field.value = data.start[id];
    }
    const chosen = at(`mode-${values.mode ?? data.start.mode}`) ?? at(`mode-${data.start.mode}`);
    chosen.checked = true;
    readAll();
  }
  const fromAddress = () => put(Object.fromEntries(new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "")));

  const ANSWERS = ["flops", "params", "tokens", "ratio", "loss", "band", "others", "epochs", "doubling", "words", "hours", "time", "dollars", "price", "energy", "carbon",
    "flops-range", "hours-range", "time-range", "dollars-range", "energy-range", "carbon-range"];
  const LOUD = ["flops", "params", "tokens", "loss", "hours", "time", "dollars", "energy", "carbon"];
  function blank(why) {
    for (const name of ANSWERS) at(`out-${name}`).textContent = LOUD.includes(name) ? "-" : "";
    at("out-beyond").textContent = why;
    at("out-beyond").classList.add("warning");
    at("law-notes").replaceChildren();
    document.querySelector(".plots").hidden = true;
    at("devices-section").hidden = true;
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
  function ticksOf(low, high, isLog, most) {
    if (!isLog) {
      const rough = (high - low) / most, step = 10 ** Math.floor(Math.log10(rough));
      const size = [1, 2, 5, 10].find(each => each * step >= rough) * step, found = [];
      for (let tick = Math.ceil(low / size) * size; tick <= high + 1e-12; tick += size) found.push(tick);
      return found;
    }
    const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9), step = Math.max(1, Math.ceil((last - first) / most));
    const found = [];
    for (let e = first; e <= last; e++) if ((e - first) % step === 0) found.push(10 ** e);
    return found;
  }
  // A text beside a mark where no other text and no mark stands; none where there is no such place.
  function placer(box) {
    const taken = [];
    const free = area => area.x >= box.x && area.x + area.width <= box.x + box.width && area.y >= box.y && area.y + area.height <= box.y + box.height
      && !taken.some(each => area.x < each.x + each.width && each.x < area.x + area.width && area.y < each.y + each.height && each.y < area.y + area.height);
    return {
      mark: (x, y, r) => taken.push({ x: x - r, y: y - r, width: 2 * r, height: 2 * r }),
      place(text, x, y, size, where) {
        const width = text.length * size * 0.56, height = size + 1;
        const below = [[-width / 2, 20], [8, 16], [-8 - width, 16]], above = [[-8 - width, -6], [-width / 2, -10], [8, -4]];
        for (const [dx, dy] of where === "below" ? [...below, ...above] : where === "above" ? [...above, ...below] : [[8, 4], [-8 - width, 4], ...below, ...above]) {
          const area = { x: x + dx, y: y + dy - size, width, height };
          if (free(area)) { taken.push(area); return [x + dx, y + dy]; }
        }
        return null;
      },
    };
  }
  function draw(id, spec) {
    const svg = at(id), width = Math.max(Math.round(svg.getBoundingClientRect().width), 240), height = Math.round(Math.min(Math.max(0.62 * width, 240), 400));
    const box = { left: 66, right: 12, top: 10, bottom: 44 };
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("tabindex", "0");
    svg.replaceChildren();
    element("title", {}, svg, spec.title);
    const along = (scale, from, to) => {
      const f = scale.log ? Math.log : x => x, a = f(scale.ends[0]), b = f(scale.ends[1]);
      return value => from + ((f(value) - a) / (b - a)) * (to - from);
    };
    const X = along(spec.x, box.left, width - box.right), Y = along(spec.y, height - box.bottom, box.top);
    for (const tick of ticksOf(...spec.x.ends, spec.x.log, width < 420 ? 4 : 6)) {
      element("line", { x1: X(tick), x2: X(tick), y1: box.top, y2: height - box.bottom, class: "grid" }, svg);
      const edge = X(tick) > width - 24 ? "end" : "middle";
      element("text", { x: edge === "end" ? width - 2 : X(tick), y: height - box.bottom + 16, "text-anchor": edge }, svg, spec.x.write(tick));
    }
    for (const tick of ticksOf(...spec.y.ends, spec.y.log, 5)) {
      element("line", { x1: box.left, x2: width - box.right, y1: Y(tick), y2: Y(tick), class: "grid" }, svg);
      element("text", { x: box.left - 6, y: Y(tick) + 4, "text-anchor": "end" }, svg, spec.y.write(tick));
    }
    element("line", { x1: box.left, x2: width - box.right, y1: height - box.bottom, y2: height - box.bottom, class: "axis" }, svg);
    element("text", { x: (box.left + width) / 2, y: height - 8, "text-anchor": "middle", class: "label" }, svg, spec.x.label);
    const turned = `rotate(-90 13 ${height / 2 - 16})`;
    element("text", { x: 13, y: height / 2 - 16, transform: turned, "text-anchor": "middle", class: "label" }, svg, spec.y.label);
    const clip = `${id}-clip`;
    const area = { x: box.left, y: box.top, width: width - box.left - box.right, height: height - box.top - box.bottom };
    element("rect", area, element("clipPath", { id: clip }, element("defs", {}, svg)));
    const inside = element("g", { "clip-path": `url(#${clip})` }, svg);
    for (const band of spec.bands ?? []) {
      element("rect", { x: X(band[0]), y: box.top, width: Math.max(X(band[1]) - X(band[0]), 0), height: area.height, class: "band" }, inside);
    }
    if (spec.spread?.length) {
      const edge = [...spec.spread.map(([x, low]) => [x, low]), ...spec.spread.toReversed().map(([x, , high]) => [x, high])];
      element("polygon", { points: edge.map(([x, y]) => `${X(x).toFixed(1)},${Y(y).toFixed(1)}`).join(" "), class: "spread" }, inside);
    }
    for (const line of spec.lines) {
      const path = line.points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).map(([x, y]) => `${X(x).toFixed(2)},${Y(y).toFixed(2)}`);
      const look = line.thin ? { class: "thin" } : { class: `g${line.group}${line.main ? " main" : ""}`, "stroke-dasharray": DASHES[line.group] };
      element("polyline", { fill: "none", "data-label": line.label, points: path.join(" "), ...look }, inside);
    }
    const texts = placer(area);
    for (const mark of spec.marks) texts.mark(X(mark.x), Y(mark.y), mark.small ? 3 : 6);
    for (const mark of spec.marks.toSorted((a, b) => Number(Boolean(a.small)) - Number(Boolean(b.small)))) {
      const x = X(mark.x), y = Y(mark.y);
      element("circle", { cx: x, cy: y, r: mark.small ? 3 : 5, class: mark.small ? "model" : "best", "data-x": mark.x, "data-y": mark.y, "data-label": mark.text }, inside);
      const place = texts.place(mark.text, x, y, mark.small ? 11 : 12, mark.where);
      if (place) element("text", { x: place[0], y: place[1], class: mark.small ? "small" : "" }, inside, mark.text);
    }
    const cursor = element("line", { y1: box.top, y2: height - box.bottom, class: "cursor", visibility: "hidden" }, svg);
    const main = spec.lines.find(line => line.main), readout = at(`${id}-readout`);
    readout.textContent = "Move over the picture, or use the arrow keys in it, to read it.";
    let here = null;
    const point = index => {
      here = Math.min(Math.max(index, 0), main.points.length - 1);
      const x = main.points[here][0];
      cursor.setAttribute("x1", X(x));
      cursor.setAttribute("x2", X(x));
      cursor.setAttribute("visibility", "visible");
      readout.textContent = spec.readout(here);
    };
    svg.onpointermove = event => {
      const bounds = svg.getBoundingClientRect(), x = ((event.clientX - bounds.left) / bounds.width) * width;
      const gaps = main.points.map(([each]) => Math.abs(X(each) - x));
      point(gaps.indexOf(Math.min(...gaps)));
    };
    svg.onpointerleave = () => cursor.setAttribute("visibility", "hidden");
    svg.onkeydown = event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      point((here ?? Math.floor(main.points.length / 2)) + step);
    };
    const item = (look, text) => {
      const made = document.createElement("li"), sample = document.createElementNS(SVG, "svg");
      sample.setAttribute("viewBox", "0 0 36 8");
      sample.setAttribute("aria-hidden", "true");
      element("line", { x1: 0, x2: 36, y1: 4, y2: 4, "stroke-width": 2.5, ...look }, sample);
      made.append(sample, ` ${text}`);
      return made;
    };
    at(`${id}-key`).replaceChildren(
      ...spec.lines.filter(line => !line.thin).map(line => item({ class: `g${line.group}`, "stroke-dasharray": DASHES[line.group] }, line.label)),
      ...(spec.thin ? [item({ stroke: "var(--thin)" }, spec.thin)] : []),
    );
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
      marks: best.map((each, i) => ({ x: each.params, y: lowest[i], text: count(each.params), where: "below" })),
      readout: i => {
        const N = lines[0].points[i][0];
        return `${count(N)} parameters on ${count(planner.tokensFor(law.id, state.flops, N))} tokens: loss ${significant(lines[0].points[i][1], 4)}; `
          + `with a tenth of the compute ${significant(lines[1].points[i][1], 4)}, with ten times ${significant(lines[2].points[i][1], 4)}.`;
      },
      said: `With ${flopText(state.flops)} the loss is lowest, ${significant(lowest[0], 4)}, at ${count(best[0].params)} parameters; with a tenth of the `
        + `compute at ${count(best[1].params)}, with ten times at ${count(best[2].params)}.`
        + (found.band ? " The shaded sizes cost at most 1 % more compute." : ""),
    });
  }
  const others = () => data.main.filter(id => id !== state.law && !(state.unique && !planner.weighsUnique(id)));
  const sizesOf = (ids, C) => ids.map(id => planner.answer(id, C, state.unique)).filter(each => !each.exhausted).map(each => each.params);
  function drawGrowth(law) {
    const ends = [Math.max(state.flops / 1e3, 1), Math.max(state.flops, 1) * 1e3];
    const along = grid(...ends, 49).map(C => [C, planner.answer(law.id, C, state.unique)]).filter(([, each]) => !each.exhausted);
    at("growth-figure").hidden = along.length < 2;
    if (along.length < 2) return;
    const models = data.models.params.map((each, i) => ({ ...each, tokens: data.models.tokens[i].y })).filter(each => each.x > ends[0] && each.x < ends[1]);
    const thin = others().map(id => ({ thin: true, label: id, points: along.map(([C]) => [C, planner.answer(id, C, state.unique).params]) }));
    const spread = along.map(([C, each], i) => { const sizes = [each.params, ...thin.map(line => line.points[i][1])]; return [C, Math.min(...sizes), Math.max(...sizes)]; });
    const values = [...along.flatMap(([, each]) => [each.params, each.tokens]), ...spread.flatMap(([, low, high]) => [low, high])];
    const here = planner.answer(law.id, state.flops, state.unique);
    draw("growth", {
      title: "Optimal parameters and tokens against compute",
      x: { log: true, ends, label: "training compute C, FLOP", write: x => scientific(x, 1) },
      y: { log: true, ends: [Math.min(...values) / 2, Math.max(...values) * 2], label: "parameters N, tokens D", write: y => count(y, 1) },
      spread: thin.length ? spread : [],
      thin: thin.length ? "parameters by the other main laws, their spread shaded" : "",
      lines: [
        ...thin,
        { group: 0, main: true, label: "parameters N", points: along.map(([C, each]) => [C, each.params]) },
        { group: 1, label: "tokens D", points: along.map(([C, each]) => [C, each.tokens]) },
      ],
      marks: [
        { x: state.flops, y: here.params, text: count(here.params), where: "below" },
        { x: state.flops, y: here.tokens, text: count(here.tokens), where: "above" },
        ...models.map(each => ({ x: each.x, y: each.y, text: each.name, small: true })),
      ],
      readout: i => `${flopText(along[i][0])}: ${count(along[i][1].params)} parameters (${count(spread[i][1])} to ${count(spread[i][2])} over the main laws) `
        + `on ${count(along[i][1].tokens)} tokens${along[i][1].loss === null ? "" : `, loss ${significant(along[i][1].loss, 4)}`}.`,
      said: `From ${flopText(ends[0])} to ${flopText(ends[1])} parameters grow from ${count(along[0][1].params)} to ${count(along.at(-1)[1].params)} and tokens `
        + `from ${count(along[0][1].tokens)} to ${count(along.at(-1)[1].tokens)}. Small dots: parameters of published models.`,
    });
  }

  // ------------------------------------------------------------ answers
  const ends = (range, write) => (range && range.high / range.low > 1 + 1e-9 ? `${write(range.low)} to ${write(range.high)}` : "");
  function sentence(law, found, taken) {
    const kind = mode(), named = state.device.startsWith("the plan's") ? state.device.replace("the plan's: ", "") : state.device, parts = [];
    const used = percent(state.mfu ?? device().mfu.expected);
    if (kind === "devices") parts.push(`${whole(state.devices)} devices (${named}) for ${timeText(state.hours)}, at ${used} of their peak, compute ${flopText(state.flops)}.`);
    if (kind === "money") parts.push(`${moneyText(state.dollars)} pays ${whole(taken.device_hours.expected)} device-hours of ${named}, which at ${used} of the peak compute ${flopText(state.flops)}.`);
    if (found.exhausted) return [...parts, "The unique tokens are so worn out that no size is better than another: find more data."].join(" ");
    const what = `${count(found.params)} parameters on ${count(found.tokens)} tokens`;
    const loss = found.loss === null ? "" : `, for an expected loss of ${significant(found.loss, 4)} ${law.unit}`;
    parts.push(`${kind === "compute" ? `With ${flopText(state.flops)}` : "With that"} ${law.id} trains ${what}${loss}.`);
    if (found.band) parts.push(`Any size from ${count(found.band[0])} to ${count(found.band[1])} costs at most 1 % more compute for the same loss.`);
    if (kind === "compute" && taken.dollars) parts.push(`On ${named} that is about ${moneyText(taken.dollars.expected)} and ${whole(taken.device_hours.expected)} device-hours.`);
    const sizes = sizesOf(others(), state.flops);
    if (sizes.length) parts.push(`The other main laws${state.unique ? " that weigh repeated tokens here" : ""} would train ${count(Math.min(...sizes))} to ${count(Math.max(...sizes))} parameters.`);
    return parts.join(" ");
  }
  function show() {
    const law = planner.laws.get(state.law), weighs = planner.weighsUnique(state.law);
    at("unique-note").textContent = !state.unique ? "" : weighs
      ? (law.carried ? `What repeated tokens are worth is carried over from ${law.carried}.` : "")
      : `${law.id} cannot weigh repeated tokens ${law.surface ? "on this page; planner's own plan can" : "at all: it says no loss of other sizes"}.`;
    at("law-source").textContent = `${law.id}: ${law.equation}. ${law.reference}. N counts ${law.counts}; ${law.data}.`;
    if (wrong.size) {
      for (const row of at("laws").tBodies[0].rows) for (const i of [1, 2, 3, 4]) cell(row, i, "-");
      blank(`The field "${[...wrong.values()][0]}" cannot be read: no answer.`);
      return;
    }
    showLaws();
    if (state.unique && !weighs) {
      blank(`${law.id} cannot weigh ${count(state.unique)} unique tokens on this page: empty the field, or choose another law.`);
      return;
    }
    const runs = planner.answer(state.law, state.flops, state.unique);
    if (!runs.exhausted && [runs.params, runs.tokens].some(each => !(each >= 1 && each <= 1e60))) {
      blank(`${law.id} answers with ${count(runs.params)} parameters on ${count(runs.tokens)} tokens, which is no run.`);
      return;
    }
    document.querySelector(".plots").hidden = false;
    const found = runs, twice = planner.answer(state.law, 2 * state.flops, state.unique);
    const taken = planner.costs(state), price = state.price ?? device().price?.expected ?? null;
    const say = (id, text) => { at(`out-${id}`).textContent = text; };
    const range = kind => ends(taken[kind[0]], kind[1]);
    say("flops", flopText(state.flops));
    say("flops-range", mode() === "compute" ? `${significant(state.flops / 8.64e19)} PF-days` : (between => between && `${between} over the range of utilisation${mode() === "money" ? " and price" : ""}`)(ends(planner.flopsOf({
      ...state, held: mode() === "devices" ? state.devices * state.hours : null }), flopText)));
    say("params", found.exhausted ? "-" : count(found.params));
    say("tokens", found.exhausted ? "-" : count(found.tokens));
    say("ratio", found.exhausted ? "" : `${significant(found.tokens_per_param)} per parameter`);
    say("loss", found.loss === null ? "this law gives none" : `${significant(found.loss, 4)} `);
    if (found.loss !== null) at("out-loss").append(Object.assign(document.createElement("span"), { className: "unit", textContent: law.unit }));
    say("band", found.band ? `${count(found.band[0])} to ${count(found.band[1])} within 1 %` : "");
    const sizes = sizesOf(others(), state.flops);
    say("others", sizes.length ? `${count(Math.min(...sizes))} to ${count(Math.max(...sizes))} by other main laws${state.unique ? " that weigh repeated tokens here" : ""}` : "");
    say("doubling", found.loss === null || twice.loss === null ? "" : `${significant(twice.loss - found.loss)} from twice the compute`);
    say("epochs", found.epochs === null ? "each token once" : `${significant(found.epochs)} passes over ${count(state.unique)} unique tokens`);
    say("words", sentence(law, found, taken));
    say("hours", whole(taken.device_hours.expected));
    say("hours-range", range(["device_hours", whole]));
    say("time", taken.hours === null ? "on how many devices?" : timeText(taken.hours.expected));
    say("time-range", range(["hours", timeText]));
    say("dollars", taken.dollars === null ? "no price is known: give one" : moneyText(taken.dollars.expected));
    say("dollars-range", range(["dollars", moneyText]));
    say("price", price === null ? "" : `at $${price >= 0.1 ? price.toFixed(2) : significant(price, 2)} a device-hour${state.price === null ? `, ${device().whose} ${device().dated}` : ""}`);
    say("energy", taken.kwh === null ? "no power is published" : energyText(taken.kwh.expected));
    say("energy-range", range(["kwh", energyText]));
    say("carbon", state.grid === null ? "choose where" : taken.kg === null ? "no power is published" : massText(taken.kg.expected));
    say("carbon-range", range(["kg", massText]));
    const factor = found.extrapolation;
    const beyond = factor === null ? "The range of this law's runs is not known."
      : factor > 10 ? `Warning: ${significant(factor)}x outside the runs of this law: a guess, not a forecast.`
        : factor > 1 ? `${significant(factor)}x outside the runs of this law.` : "Inside the runs of this law.";
    const worn = found.epochs > planner.worn(state.law)
      ? ` Warning: ${significant(found.epochs)} passes over the unique tokens: beyond ${significant(planner.worn(state.law))} one more is worth next to nothing; find more data.`
      : "";
    say("beyond", beyond + worn);
    at("out-beyond").classList.toggle("warning", (factor !== null && factor > 10) || worn !== "");
    at("law-notes").replaceChildren(...law.notes.filter(note => state.flops >= note.from).map(note => {
      const item = document.createElement("li");
      item.textContent = (note.warning ? "Warning: " : "") + note.text;
      return item;
    }));
    showDevices();
    drawIsoflop(law, found);
    drawGrowth(law);
  }
  function cell(row, index, text, value) {
    row.cells[index].textContent = text;
    row.cells[index].dataset.value = value ?? "";
  }
  function showLaws() {
    const table = at("laws");
    for (const row of table.tBodies[0].rows) {
      const unit = planner.laws.get(row.dataset.law).unit, weighs = !state.unique || planner.weighsUnique(row.dataset.law);
      const each = weighs ? planner.answer(row.dataset.law, state.flops, state.unique) : { exhausted: true };
      if (each.exhausted) {
        for (const i of [1, 2, 3, 4]) cell(row, i, "-");
      } else {
        cell(row, 1, count(each.params), each.params);
        cell(row, 2, count(each.tokens), each.tokens);
        cell(row, 3, each.loss === null ? "-" : significant(each.loss, 4) + (unit === "nats/token" ? "" : ` (${unit})`), each.loss);
        cell(row, 4, each.extrapolation === null ? "unknown" : each.extrapolation > 1 ? `${significant(each.extrapolation)}x` : "no", each.extrapolation);
      }
      row.classList.toggle("chosen", row.dataset.law === state.law);
      row.querySelector("button").setAttribute("aria-pressed", String(row.dataset.law === state.law));
    }
    sorted(table);
  }
  function showDevices() {
    const body = at("device-table").tBodies[0];
    at("devices-section").hidden = false;
    at("devices-said").textContent = `${flopText(state.flops)} at ${state.mfu === null ? "published utilisations" : `${percent(state.mfu)} of each peak`}, at published prices with their dates`
      + `${state.price === null ? "" : `; at your price on ${state.device}`}. Choose one to plan with it.`;
    if (!body.rows.length) {
      for (const each of data.devices) {
        const row = body.insertRow(), head = document.createElement("th"), button = document.createElement("button");
        head.scope = "row";
        button.type = "button";
        button.textContent = each.id;
        head.append(button);
        row.append(head);
        row.dataset.device = each.id;
        for (let i = 0; i < 8; i++) row.insertCell().className = i === 7 ? "" : "r";
      }
    }
    for (const row of body.rows) {
      const each = data.devices.find(one => one.id === row.dataset.device), own = each.id === state.device;
      const best = each.best && state.mfu !== null && state.mfu > each.best;
      const taken = planner.costs({ ...state, device: each.id, price: own ? state.price : null });
      const price = (own ? state.price : null) ?? each.price?.expected ?? null;
      const known = best ? null : taken;
      cell(row, 1, known ? whole(taken.device_hours.expected) : "above its best", known?.device_hours.expected);
      cell(row, 2, known?.hours ? timeText(taken.hours.expected) : "-", known?.hours?.expected);
      const doubted = each.doubted && !(own && state.price !== null);  // what one line says heads no table
      cell(row, 3, known?.dollars ? moneyText(taken.dollars.expected) + (doubted ? " (one quote)" : "") : "-", doubted ? null : known?.dollars?.expected);
      cell(row, 4, known?.dollars ? ends(taken.dollars, moneyText) || moneyText(taken.dollars.expected) : "-", known?.dollars?.low);
      cell(row, 5, price === null ? "-" : `$${price.toFixed(2)}`, price);
      cell(row, 6, known?.kwh ? energyText(taken.kwh.expected) : "-", known?.kwh?.expected);
      cell(row, 7, known?.kg ? massText(taken.kg.expected) : "-", known?.kg?.expected);
      cell(row, 8, own && state.price !== null ? "your price" : each.dated || "-", own && state.price !== null ? "" : each.dated);
      row.classList.toggle("chosen", own);
      row.querySelector("button").setAttribute("aria-pressed", String(own));
    }
    labelled(at("device-table"));
    sorted(at("device-table"));
  }
  // on a phone a row is a card, and each of its cells bears the name of its column
  function labelled(table) {
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, column) => { if (cell.tagName === "TD") cell.dataset.head = table.tHead.rows[0].cells[column].textContent; });
    }
  }
  function sorted(table) {
    const heads = [...table.tHead.rows[0].cells], by = heads.findIndex(each => each.hasAttribute("aria-sort"));
    if (by < 0) return;
    const turn = heads[by].getAttribute("aria-sort") === "descending" ? -1 : 1;
    const key = row => (by === 0 || !row.cells[by].classList.contains("r") ? row.cells[by].dataset.value || row.cells[by].textContent
      : row.cells[by].dataset.value === "" ? null : Number(row.cells[by].dataset.value));
    const rows = [...table.tBodies[0].rows].map(row => [key(row), row]);
    rows.sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : turn * (typeof a === "string" ? a.localeCompare(b) : a - b)));
    const focus = document.activeElement;
    table.tBodies[0].append(...rows.map(([, row]) => row));
    if (focus !== document.activeElement) focus.focus({ preventScroll: true });
  }
  for (const table of document.querySelectorAll(".sortable")) {
    table.tHead.addEventListener("click", event => {
      const head = event.target.closest("button")?.closest("th");
      if (!head) return;
      const before = head.getAttribute("aria-sort");
      for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", before === "ascending" ? "descending" : "ascending");
      sorted(table);
    });
  }
  function pick(id, value) {
    at(id).value = value;
    readAll();
  }
  at("form").addEventListener("input", event => {
    if (event.target === at("slider")) at("flops").value = scientific(10 ** Number(event.target.value), 6);
    readAll();
  });
  at("form").addEventListener("change", readAll);
  at("form").addEventListener("submit", event => event.preventDefault());
  at("laws").tBodies[0].addEventListener("click", event => { const button = event.target.closest("button"); if (button) pick("law", button.closest("tr").dataset.law); });
  at("device-table").tBodies[0].addEventListener("click", event => { const button = event.target.closest("button"); if (button) pick("device", button.closest("tr").dataset.device); });
  at("reset").addEventListener("click", () => { put({}); at("form").querySelector("input:checked").focus(); });
  addEventListener("hashchange", () => { if (location.hash.includes("=")) fromAddress(); });
  let resized;
  addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(show, 100); });
  for (const table of document.querySelectorAll(".scroll table")) if (table.tHead) labelled(table);
  at("explore").hidden = false;
  fromAddress();
})();
