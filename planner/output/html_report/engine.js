"use strict";
// Arithmetic of the page. A number is plain, or dual: [value, derivative].
const lift = x => (typeof x === "number" ? [x, 0] : x);
const add = (x, y) => { const [a, p] = lift(x), [b, q] = lift(y); return [a + b, p + q]; };
const sub = (x, y) => { const [a, p] = lift(x), [b, q] = lift(y); return [a - b, p - q]; };
const mul = (x, y) => { const [a, p] = lift(x), [b, q] = lift(y); return [a * b, p * b + a * q]; };
const div = (x, y) => { const [a, p] = lift(x), [b, q] = lift(y); return [a / b, p / b - (a / b) * (q / b)]; };
const power = (x, n) => { const v = Math.pow(x[0], n); return [v, n * (v / x[0]) * x[1]]; };
const log = x => [Math.log(x[0]), x[1] / x[0]];
const exp = x => { const v = Math.exp(x[0]); return [v, v * x[1]]; };

// Where f loses the sign that it has at the first end, towards the last; where it is no number it has lost it.
function bisect(f, first, last) {
  const sign = Math.sign(f(first));
  for (let step = 0; step < 200; step++) {
    const middle = (first + last) / 2;
    if (middle === first || middle === last) break;
    if (Math.sign(f(middle)) === sign) first = middle; else last = middle;
  }
  return (first + last) / 2;
}
const root = (f, low, high) => Math.exp(bisect(x => f(Math.exp(x)), low, high));

// ln L is the weighted mean of the members' ln L; what is given back is L less the mean floor.
function ensemble(members, term, floorAt, weightAt) {
  const total = members.reduce((sum, member) => sum + member[weightAt], 0);
  const logFloor = members.reduce((sum, member) => sum + (member[weightAt] / total) * Math.log(member[floorAt]), 0);
  return (N, D) => {
    let rise = [0, 0];
    for (const member of members) {
      const part = div(term(member, N, D), member[floorAt]);
      rise = add(rise, mul(member[weightAt] / total, [Math.log1p(part[0]), part[1] / (1 + part[0])]));
    }
    const grown = Math.exp(logFloor);
    return [grown * Math.expm1(rise[0]), grown * Math.exp(rise[0]) * rise[1]];
  };
}

// What x of something is worth of which only u is new, with decay r: u + u r (1 - exp(-(x/u - 1)/r)).
function repeated(x, u, r) {
  if (x[0] <= u) return x;
  const seen = (x[0] / u - 1) / r;
  return [u - u * r * Math.expm1(-seen), Math.exp(-seen) * x[1]];
}

function makePlanner(data, functions) {
  const laws = new Map(data.laws.map((law, place) => [law.id, { ...law, ...functions[place] }]));
  const perToken = (law, N) => add(mul(law.f, N), law.q ? mul(law.q, power(N, 2 / 3)) : 0);
  const tokensFor = (law, C, N) => C / perToken(law, [N, 0])[0];

  // The reducible loss behind what repeated tokens leave of N and D.
  function counted(law, unique) {
    if (!unique) return law.reducible;
    const tilt = x => {
      const N = Math.exp(x);
      return law.reducible([N, N], [unique, 0])[1] - law.reducible([N, 0], [unique, unique])[1];
    };
    const enough = Math.exp(bisect(tilt, -10, 120)); // the N that these tokens fill when seen once
    return (N, D) => law.reducible(repeated(N, enough, law.R_N), repeated(D, unique, law.R_D));
  }

  // The best N of a budget: where the derivative of the loss along the spending curve is 0.
  function best(law, C, surface) {
    if (!surface) return law.optimum(C);
    const slope = x => {
      const N = [Math.exp(x), Math.exp(x)];
      return surface(N, div(C, perToken(law, N)))[1];
    };
    // outwards from where parameters and tokens are as many: far ends of steep laws are no numbers
    const reach = sign => {
      let x = Math.log(C / law.f) / 2;
      for (let step = 0.5; step < 500 && !(sign * slope(x) > 0); step *= 1.5) x += sign * step;
      return x;
    };
    return Math.exp(bisect(slope, reach(-1), reach(1)));
  }

  function outside(law, N, D, C) {
    const spans = [[C, law.domain.flops], [N, law.domain.params], [D, law.domain.tokens], [D / N, law.domain.tokens_per_param]];
    if (!spans.some(([, span]) => span)) return null;
    let worst = 1;
    for (const [value, span] of spans) {
      if (!span) continue;
      const factor = Math.max(value / span[1], span[0] / value);
      if (factor > data.printed) worst = Math.max(worst, factor);
    }
    return worst;
  }

  function answer(id, C, unique = null) {
    const law = laws.get(id);
    if (unique && !law.reducible) throw new RangeError(`${id} cannot weigh unique tokens here`);
    const surface = law.reducible ? counted(law, unique) : null;
    const params = best(law, C, surface);
    const epochs = unique ? tokensFor(law, C, params) / unique : null;
    const tokens = tokensFor(law, C, params);
    let loss = null, band = null;
    if (surface) {
      loss = law.floor + surface([params, 0], [tokens, 0])[0];
      band = bandOf(law, C, surface, params);
    } else if (law.loss) {
      loss = law.loss(C);
      if (law.implicit) band = bandOf(law, C, (N, D) => [law.implicit(N[0], D[0]), 0], params, law.optimum);
    }
    // beyond this many passes no token adds what a double could tell: the size is anything
    const exhausted = epochs !== null && epochs > data.exhausted;
    const factor = outside(law, params, tokens, perToken(law, [params, 0])[0] * tokens);
    return { params, tokens, tokens_per_param: tokens / params, loss, band: exhausted ? null : band, epochs, exhausted, extrapolation: factor };
  }

  // Sizes that cost at most a share more compute for the same loss.
  function bandOf(law, C, surface, params, optimum = null) {
    const value = N => surface([N, 0], [tokensFor(law, C, N), 0])[0];
    const cheaper = C / (1 + data.band), smaller = optimum ? optimum(cheaper) : best(law, cheaper, surface);
    const target = surface([smaller, 0], [tokensFor(law, cheaper, smaller), 0])[0];
    const x = Math.log(params), gap = y => Math.log(value(Math.exp(y)) / target);
    if (!(gap(x) < -1e-10)) return null; // more compute buys nothing that could be measured: no size is told from another
    return [Math.exp(bisect(gap, x, x - 12)), Math.exp(bisect(gap, x, x + 12))];
  }

  // Loss of a run, or null where the law gives none.
  function lossOf(id, N, D, unique = null) {
    const law = laws.get(id);
    if (law.reducible) return law.floor + counted(law, unique)([N, 0], [D, 0])[0];
    return law.implicit ? law.implicit(N, D) : null;
  }

  // Low, expected and high end by end, as planner multiplies them.
  const exactly = x => ({ low: x, expected: x, high: x });
  const times = (x, y) => (x === null || y === null ? null : { low: x.low * y.low, expected: x.expected * y.expected, high: x.high * y.high });
  const inverse = x => ({ low: 1 / x.high, expected: 1 / x.expected, high: 1 / x.low });
  function costs({ flops, device, devices, mfu, price, overhead, grid }) {
    const known = data.devices.find(each => each.id === device), share = mfu === null ? known.mfu : exactly(mfu);
    const hours = times(exactly((flops * (1 + overhead)) / (known.peak * 3600)), inverse(share));
    const rate = price === null ? known.price : exactly(price), kwh = times(hours, known.kw);
    return {
      device_hours: hours,
      hours: devices === null ? null : times(hours, exactly(1 / devices)),
      dollars: times(hours, rate),
      kwh,
      kg: grid === null ? null : times(kwh, times(grid, exactly(1e-3))),
    };
  }
  // What device-hours compute; without them what the money pays, at the ends of price and utilisation.
  function flopsOf({ device, mfu, price, overhead, held, dollars }) {
    const known = data.devices.find(each => each.id === device), share = mfu === null ? known.mfu : exactly(mfu);
    const hours = held !== null && dollars === null ? exactly(held)
      : dollars === null ? null : times(exactly(dollars), inverse(price === null ? known.price : exactly(price)));
    return times(hours, times(share, exactly((known.peak * 3600) / (1 + overhead))));
  }

  function cost(asked) { // the expected ends alone
    const found = costs({ grid: null, ...asked });
    return Object.fromEntries(Object.entries(found).map(([name, range]) => [name, range && range.expected]));
  }

  return Object.freeze({ data, laws, answer, lossOf, cost, costs, flopsOf, weighsUnique: id => Boolean(laws.get(id).reducible), worn: id => 1 + laws.get(id).R_D,
    tokensFor: (id, C, N) => tokensFor(laws.get(id), C, N) });
}
