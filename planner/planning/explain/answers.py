"""The arithmetic of an answer, line by line: formula, numbers put in, result, source. Redo it on paper."""

from collections.abc import Iterable

from planner._util.to_json import Listing
from planner.allocation import solver
from planner.allocation.assessment import Remedy
from planner.allocation.compute_cost import Spending, training_flops
from planner.allocation.loss_surface import landscape, line_of
from planner.allocation.problem import LawOrProblem, Problem
from planner.errors import OptionError
from planner.inputs.serving import Demand, Weights
from planner.planning.check import JOINT_LAW, OVERFIT_RULE, Check
from planner.planning.explain.budgets import cost_steps, funding_steps
from planner.planning.explain.steps import BUDGET, Paper, Step
from planner.planning.plan_result import Plan, Serving
from planner.quantities import plain
from planner.scaling_laws.catalogue import embedding_count, load_law
from planner.scaling_laws.law import Law, guarded


def explain(answer: Plan | Check) -> Listing[Step]:
    """Return the arithmetic behind a plan or a check.

    Parameters
    ----------
    answer : Plan or Check

    Returns
    -------
    tuple of Step
        One that shows itself, in the order in which a reader would redo them.

    Examples
    --------
    >>> import planner
    >>> steps = planner.explain(planner.plan(flops=1e21))
    >>> [step.symbol for step in steps][:5]
    ['PF', 'a', 'G', 'N', 'D']
    """
    if not isinstance(answer, (Plan, Check)):
        raise OptionError(f"explain takes a Plan or a Check, got {type(answer).__name__}")
    steps = _explain_plan(answer) if isinstance(answer, Plan) else _explain_check(answer)
    return guarded(answer.law, lambda: Listing(steps, "steps"))


def _explain_plan(plan: Plan) -> Iterable[Step]:
    law, problem = plan.law, plan.problem
    if law.judge and law.judge.role == "plan" and solver.allocate(law.judge, law.params["C_0"]).params == law.params["N_0"]:
        anchor = Paper(law.judge, "the anchor", C=law.params["C_0"])
        anchor.optimum()
        yield from anchor.steps
    if plan.machine and plan.funded:
        yield from funding_steps(law, plan.machine, plan.funded)
    if plan.serving:
        yield from _demand_steps(law, plan.serving)
    if (target := plan.inputs.get("loss")) is not None:
        source = "the least budget whose best run has the loss asked for"
        yield Step("C", "L_opt(C) = L", f"L_opt(C) = {plain(target)}", plan.flops, "FLOP", source, "the budget")
    if plan.limits.params is not None and plan.limits.tokens is not None:
        yield from _run_steps(problem, None, "this run", plan.params, plan.tokens)
    else:
        yield from _run_steps(problem, plan.flops, "this plan", plan.params, plan.tokens)
    if judge := law.surface_law:
        yield from _loss_steps(problem.judged(), plan.params, plan.tokens, "its loss")
    elif plan.loss is not None:
        yield from _frontier_loss_steps(law, plan.flops, "its loss")
    if plan.data and plan.data.loss_owed and plan.loss is not None:
        yield from _data_steps(plan, plan.loss)
    if plan.serving and not plan.serving.after:
        yield from _saving_steps(plan, plan.serving)
    if judge and plan.optimum and plan.overhead is not None:
        yield from _overhead_steps(problem.judged(), plan.params, plan.tokens)
    if plan.params_band and judge:
        yield from _band_steps(problem.judged().without_limits(), plan, plan.params_band)
    if plan.optimum:
        where = "the optimum of the same compute" if target is None else "the optimum of the same loss"
        yield from _optimum_steps(plan.optimum.problem, plan.optimum.flops, where)
    if plan.doubling and plan.loss is not None:
        yield from _doubling_steps(plan, plan.loss, plan.doubling.loss_gain)
    if plan.machine:
        yield from cost_steps(law, plan.machine, plan.training_flops)


def _demand_steps(law: Law, demand: Demand | Serving) -> Iterable[Step]:
    given = demand.weights
    paper = Paper(law, "what serving costs", D_inf=demand.tokens, w=demand.price)
    if formula := _price_formula(given):
        named = {"p": given.price, "p_inf": given.inference_price, "u": given.mfu, "u_inf": given.inference_mfu}
        named |= {"u_gen": given.generation_mfu, "D_gen": given.generated or 0.0}
        paper.values |= {symbol: value for symbol, value in named.items() if value is not None}
        paper.line("w", formula, "trained FLOP a served one costs", "prices of a device-hour over utilisations, as given")
    paper.line("S", "D_inf*w", "tokens", "tokens to serve, times the price of a served FLOP over a trained one")
    yield from paper.steps


def _price_formula(given: Weights) -> str:
    """Return how prices and utilisations make the price of a served FLOP; empty where none were given."""
    money = "p_inf/p" if given.price is not None else ""
    if given.mfu is None:
        return money
    read = "(1-D_gen/D_inf)*u/u_inf" if given.inference_mfu is not None else "0"
    work = f"({read}+D_gen/D_inf*u/u_gen)" if given.generation_mfu is not None else "u/u_inf"
    return f"{money}*{work}" if money else work


def _data_steps(plan: Plan, loss: float) -> Iterable[Step]:
    """Write the loss of the same run on fresh tokens only, and what repetition owes."""
    part = "the same run on fresh tokens"
    steps = list(_loss_steps(plan.problem.on_fresh_tokens(), plan.params, plan.tokens, part))
    yield from steps
    owed = Paper(plan.law, part, L=loss, L_fresh=steps[-1].result)
    owed.line("owed", "L-L_fresh", plan.loss_unit or "", "L: this plan's loss")
    yield from owed.steps


def _saving_steps(plan: Plan, found: Serving) -> Iterable[Step]:
    """Write what the run that is cheapest to train costs over its life, and what this plan saves on it."""
    spending = plan.problem.spending
    paper = Paper(plan.law, "what counting serving saves", C=plan.spent, **_known(spending))
    paper.values |= {"N": found.trained_alone_params, "D": found.trained_alone_tokens}
    paper.line("C_alone", f"{_price(spending)[0]}*(D+S/3)", "FLOP", "N, D: the run of the same loss that is cheapest to train")
    paper.line("saved", "1-C/C_alone", "of it", "definition")
    yield from paper.steps


_LIFE = (
    "the budget: C = f(N) (D + S/3), f(N) = k N or k N + q N^(2/3) a token, a forward pass being a third of a training step "
    "(Sardana et al. 2024, Eq. 2)"
)


def _run_steps(problem: Problem, flops: float | None, part: str, params: float, tokens: float) -> Iterable[Step]:
    """Write how a run (N, D) follows from the budget and the limits, or, without a budget, what it takes."""
    limits, spending = problem.limits, problem.spending
    paper = Paper(problem.law, part, **_known(spending))
    per_token, bought, source = _price(spending)
    if flops is not None:
        paper.values["C"] = flops
    else:
        paper.values |= {"N": params, "D": tokens}
        paper.line("C", _paid(spending), source=source)
    paper.line("PF", "C/PF_day", source="definition: 1e15 FLOP/s for a day")
    if flops is None or (params in (limits.params, limits.max_params) and tokens == limits.max_tokens):
        paper.values |= {"N": params, "D": tokens}  # stated, or both caps bind: nothing is worked out
    elif params in (limits.params, limits.max_params):
        paper.values["N"] = params
        paper.line("D", bought, source=source)
    elif tokens in (limits.tokens, limits.max_tokens):
        paper.values["D"] = tokens
        if spending.q:
            paper.line("N", f"{per_token}*(D+S/3) = C", source=source, solved=params)
        else:
            paper.line("N", "C/(k*(D+S/3))" if spending.served else "C/(k*D)", source=source)
    elif limits.tokens_per_param is not None:
        paper.values["r"] = limits.tokens_per_param
        tokens_paid = "(r*N+S/3)" if spending.served else "r*N"
        paper.line("N", f"{per_token}*{tokens_paid} = C", source=source, solved=params)
        paper.line("D", "r*N", source="tokens per parameter, as asked")
    elif problem.plain:
        paper.optimum()
    else:
        counted = "N_eff, D_eff" if problem.modifiers else f"N, {bought}"
        paper.line("N", f"argmin(L({counted})) = N", source=f"the best run along {source.removeprefix('the ')}", solved=params)
        paper.line("D", bought, source=source)
    paper.line("ratio", "D/N", "tokens per parameter", "definition")
    yield from paper.steps


def _known(spending: Spending) -> dict[str, float]:
    return {"k": float(spending.k), "q": float(spending.q), "S": float(spending.weighed)}


def _paid(spending: Spending) -> str:
    """Return the formula of what a run costs."""
    return f"{_price(spending)[0]}*{'(D+S/3)' if spending.served else 'D'}"


def _price(spending: Spending) -> tuple[str, str, str]:
    """Return the formulas of what a token costs and of the tokens that a budget buys, and their source."""
    per_token = "(k*N+q*N^(2/3))" if spending.q else "k*N"
    bought = f"C/{per_token}" if spending.q else "C/(k*N)"
    if spending.served:
        return per_token, f"{bought}-S/3", _LIFE
    return per_token, bought, "the budget: C = (k N + q N^(2/3)) D" if spending.q else BUDGET


def _explain_check(check: Check) -> Iterable[Step]:
    judge, problem = check.law.surface_law, check.problem
    if check.demand:
        yield from _demand_steps(check.law, check.demand)
    yield from _run_steps(problem, None, "this run", check.params, check.tokens)
    if judge:
        problem = problem.judged()
        yield from _loss_steps(problem, check.params, check.tokens, "its loss")
    if judge and check.shares:
        reducible = solver.reducible(problem, check.params, check.tokens)
        owed = Paper(judge, "what it owes", R_N=float(reducible[0]), R_D=float(reducible[1]))
        owed.line("share_N", "R_N/(R_N+R_D)", "of the reducible loss, to parameters", "definition")
        owed.line("share_D", "R_D/(R_N+R_D)", "of the reducible loss, to data", "definition")
        yield from owed.steps
    if judge and check.overhead is not None:
        yield from _overhead_steps(problem, check.params, check.tokens)
    if check.optimum:
        yield from _optimum_steps(check.problem, check.spent, "the optimum of the same compute")
    for remedy in check.remedies:
        yield from _remedy_steps(check, remedy)
    yield from _overfitting_steps(check)


_KEPT = {"train longer": "N", "train shorter": "N", "shrink": "D", "grow": "D"}


def _remedy_steps(check: Check, remedy: Remedy) -> Iterable[Step]:
    """Write the optimal run whose compute gives the loss, the parameters or the tokens that a remedy keeps."""
    part = f"instead: {remedy.action}"
    name = _KEPT.get(remedy.action, "L")
    value = {"N": check.params, "D": check.tokens, "L": check.loss}[name]
    source = "the budget whose optimum keeps it"
    yield Step("C", f"{name}_opt(C) = {name}", f"{name}_opt(C) = {plain(value or 0.0)}", remedy.flops, "FLOP", source, part)
    yield from _optimum_steps(check.problem.judged(), remedy.flops, part)


def _optimum_steps(problem: Problem, flops: float, part: str) -> Iterable[Step]:
    params, tokens = (float(value) for value in solver.best_run(problem, flops))
    yield from _run_steps(problem, flops, part, params, tokens)
    if problem.law.surface_law:
        yield from _loss_steps(problem.judged(), params, tokens, part)


def _loss_steps(problem: Problem, params: float, tokens: float, part: str) -> Iterable[Step]:
    """Write what counts of a run, and its loss."""
    law = problem.law
    assert law.form.surface is not None  # only asked of laws with a surface
    yield from _counting_steps(problem, params, tokens, part)
    counts = landscape(problem).counts(params, tokens)
    N, D = float(counts.params), float(counts.tokens)
    paper = Paper(law, part, N=N, D=D, C=float(training_flops(N, D, law.symbols["k"])))
    solutions: dict[str, float] = {"L": float(law.loss(N, D))}
    if law.role == "plan":
        solutions["C_eff"] = float(solver.equivalent_flops(law, _reducible(law, N, D)))
    paper.lines(law.form.surface.derivation, **solutions)
    yield from paper.steps


def _counting_steps(problem: Problem, params: float, tokens: float, part: str) -> Iterable[Step]:
    """Write what each modifier leaves of N and D; below them N and D stand for what counts."""
    paper = Paper(problem.law, part, N=params, D=tokens)
    for modifier in problem.modifiers:
        known, lines = modifier.derivation(paper.values["N"], paper.values["D"], line_of(problem), problem.symbols)
        paper.values |= known
        solved = {symbol: known[symbol] for symbol, formula, _ in lines if "=" in formula}
        for symbol, formula, unit in lines:
            paper.line(symbol, formula, unit, modifier.reference, solved.get(symbol))
        paper.values |= {"N": paper.values.get("N_eff", paper.values["N"]), "D": paper.values.get("D_eff", paper.values["D"])}
    yield from paper.steps


def _frontier_loss_steps(law: Law, flops: float, part: str) -> list[Step]:
    """Write the loss of a law that knows it on its optimal line only."""
    paper = Paper(law, part, C=flops)
    paper.line("L", "(C_c*C_per_Cmin*PF_day/C)^alpha_C")
    return paper.steps


def _overhead_steps(problem: Problem, params: float, tokens: float) -> list[Step]:
    free = problem.without_limits()
    known = {**_known(free.spending), "E": float(free.law.irreducible_loss)}
    paper = Paper(free.law, "its overhead", N=params, D=tokens, R=_reducible(free, params, tokens), **known)
    reached = float(solver.equivalent_flops(free, paper.values["R"]))
    if free.plain:
        paper.lines(free.frontier.loss_derivation, C_opt=reached)
    else:
        paper.line("C_opt", "L_opt(C_opt)-E = R", "FLOP", "the least that reaches the same loss", solved=reached)
    what = "extra compute over an optimal run of the same loss"
    paper.line("overhead", f"{_paid(free.spending)}/C_opt-1", what, "definition")
    return paper.steps


def _band_steps(problem: Problem, plan: Plan, band: tuple[float, float]) -> Iterable[Step]:
    more = plain(1 + plan.band_tolerance)
    budget = f"C/{more}"
    part, less = "the flat band", plan.flops / (1 + plan.band_tolerance)
    target = plain(float(solver.allocate(problem, less).loss))
    yield Step("C_less", budget, f"{plain(plan.flops)}/{more}", less, "FLOP", "definition", part)
    yield from _optimum_steps(problem, less, part)
    source = f"N at which the budget buys the loss {target} that an optimal run reaches with {budget}"
    bought = _price(problem.spending)[1]
    for name, end in zip(("N_low", "N_high"), band, strict=True):
        tokens = float(solver.fixed(problem, plan.flops, params=end)[1])
        text = f"L({name}, {bought.replace('N', name)}) = L_opt({budget})"
        yield Step(name, text, f"L({plain(end)}, {plain(tokens)}) = {target}", end, "parameters", source, part)


def _doubling_steps(plan: Plan, loss: float, loss_gain: float) -> Iterable[Step]:
    part, law, flops = "twice the compute", plan.law, 2 * plan.flops
    yield from _optimum_steps(plan.problem, flops, part)
    if not law.surface_law:
        yield from _frontier_loss_steps(law, flops, part)
    gain = Paper(law, "what it would buy", L=loss, E=plan.irreducible_loss or 0.0, L_2=loss - loss_gain)
    gain.line("gain", "L-L_2", plan.loss_unit or "", "L: this plan's loss, L_2: that of twice the compute")
    gain.line("share", "gain/(L-E)", "of the reducible loss", "definition")
    yield from gain.steps


def _overfitting_steps(check: Check) -> list[Step]:
    joint, rule = load_law(JOINT_LAW), load_law(OVERFIT_RULE)
    test = check.overfitting_test
    paper = Paper(joint, "Kaplan's test", N=test.params, D=test.tokens, **rule.params)
    if check.inputs.get("shape") is None and test.params != check.params * check.law.active_share:
        count = embedding_count()
        paper.values |= {"N_total": check.params * check.law.active_share, "gamma": count.params["gamma"]}
        paper.line("N", "N_total = N+gamma*N^(1/3)", "parameters without embeddings", count.reference, solved=test.params)
    cite = f"{joint.citation}, arXiv {joint.source.arxiv}"
    paper.line("delta_L", "(1+(N/N_c)^(alpha_N/alpha_D)*D_c/D)^alpha_D-1", "L(N, D)/L(N, inf) - 1", f"{cite}, Eq. 4.3, Table 2")
    needed = "D_c*(N/N_c)^(alpha_N/alpha_D)/((1+delta)^(1/alpha_D)-1)"
    paper.line("D_needed", needed, "tokens", f"{cite}, Eq. 4.3 at delta L = {plain(test.threshold)}")
    paper.line("D_rule", "K*N^p", "tokens", f"{cite}, Eq. 4.4")
    return paper.steps


def _reducible(question: LawOrProblem, params: float, tokens: float) -> float:
    return float(sum(solver.reducible(question, params, tokens)))
