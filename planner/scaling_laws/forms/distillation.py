"""A student's loss by its size, its tokens and its teacher's loss (Busbridge et al. 2025)."""

import numpy as np

from planner.scaling_laws.forms import additive
from planner.scaling_laws.forms._base import Form, Num, Parameter, Symbols


def student_loss(p: Symbols, N: Num, D: Num, teacher: Num, supervised: Num) -> Num:
    """Return L_S [nats per token] of a student that learns from the probabilities of a teacher of loss L_T; they broadcast.

    ``supervised`` is L~, the loss of the student's size and tokens without a teacher.
    """
    capacity = sum(additive.terms(p, N, D)) ** p["gamma"]
    # (1 + x^(1/f1))^(-c1 f1), in logs: x^(1/f1) overflows for weak teachers
    log_x = (np.log(teacher) - np.log(supervised) - np.log(p["d_1"])) / p["f_1"]
    return teacher + np.exp(-p["c_0"] * np.log(teacher) - p["c_1"] * p["f_1"] * np.logaddexp(0.0, log_x)) * capacity


DISTILLED = Form(
    name="distilled",
    equation=(
        "L_S = L_T + L_T^(-c_0) (1 + (L_T/(L~ d_1))^(1/f_1))^(-c_1 f_1) (A/N^alpha + B/D^beta)^gamma, "
        "L_T the teacher's loss, L~ the student's without a teacher"
    ),
    parameters={
        "A": Parameter("size of the student's parameter term"),
        "B": Parameter("size of the student's data term"),
        "alpha": Parameter("exponent of N", high=10, fitted_with="A"),
        "beta": Parameter("exponent of D", high=10, fitted_with="B"),
        "gamma": Parameter("exponent of their sum", high=10),
        "c_0": Parameter("how a better teacher leaves more to learn", high=100),
        "c_1": Parameter("how steeply a weaker teacher helps less", high=1e5),
        "f_1": Parameter("how sharply the two regimes meet", high=100),
        "d_1": Parameter("teacher's loss over the student's own where they meet", high=100),
    },
)
