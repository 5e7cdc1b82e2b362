"""The functional forms, each once. A law file names one of these under ``form``."""

from planner.scaling_laws.forms._base import Form, Frontier, Num, Parameter, Surface, Symbols
from planner.scaling_laws.forms.additive import ADDITIVE, ADDITIVE_UNITS, OVERTRAINING, REPEATED
from planner.scaling_laws.forms.allocation import (
    ANCHORED,
    EXPONENTS,
    FLOPS_PER_TOKEN_ALLOCATION,
    PARAMS_ALLOCATION,
    SURFACE_EXPONENTS,
    TOKEN_RATIO,
    TOKENS_ALLOCATION,
)
from planner.scaling_laws.forms.compute import COMPUTE_POWER
from planner.scaling_laws.forms.counting import PRECISION, QUALITY, VOCABULARY
from planner.scaling_laws.forms.experts import FINE_GRAINED, ROUTED_EXPERTS, SPARSE_EXPERTS
from planner.scaling_laws.forms.generalised import ENSEMBLE, GENERALISED
from planner.scaling_laws.forms.kaplan import COMPUTE_FRONTIER, KAPLAN_COMPUTE, KAPLAN_JOINT, KAPLAN_LEARNING_CURVE
from planner.scaling_laws.forms.reference import EMBEDDING_COUNT, PARAMS_POWER, TOKENS_POWER, TOKENS_RULE

FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        ADDITIVE,
        ADDITIVE_UNITS,
        OVERTRAINING,
        REPEATED,
        GENERALISED,
        ENSEMBLE,
        KAPLAN_COMPUTE,
        KAPLAN_LEARNING_CURVE,
        KAPLAN_JOINT,
        COMPUTE_FRONTIER,
        PARAMS_ALLOCATION,
        TOKENS_ALLOCATION,
        FLOPS_PER_TOKEN_ALLOCATION,
        ANCHORED,
        TOKEN_RATIO,
        EXPONENTS,
        SURFACE_EXPONENTS,
        COMPUTE_POWER,
        PARAMS_POWER,
        TOKENS_POWER,
        TOKENS_RULE,
        EMBEDDING_COUNT,
        FINE_GRAINED,
        SPARSE_EXPERTS,
        ROUTED_EXPERTS,
        PRECISION,
        QUALITY,
        VOCABULARY,
    )
}

__all__ = ["FORMS", "Form", "Frontier", "Num", "Parameter", "Surface", "Symbols"]
