"""`bigpicture analyse gates`: how much each block of a network has learned to let through."""

from pathlib import Path

from bigpicture.app.analyse.figure import Out, drawing
from bigpicture.app.analyse.inputs import ModelName, load_network


def gates(model: ModelName, out: Out = None) -> None:
    """Show the gates γ that a network has learned: |γ|₁ / c of each block (RGT's Fig. 5).

    In RGT, a gate is how much of a block's input HAI adds to its output; in SRGRN, how much of the
    graph's output GRUM and GRRB let through.

    bigpicture analyse gates --model rgt-light-x2
    """
    file = out or Path(f"{Path(model).stem}_gates.png")
    with drawing(file, model):
        from bigpicture.analysis.figure import save_figure
        from bigpicture.analysis.gates import gates as learned
        from bigpicture.analysis.gates import show_gates

        save_figure(file, *show_gates(learned(load_network(model, "cpu"))))
