"""The explanations of lesson 01's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="picks_rows",
        right="c",
        explanations={
            "a": "That is what was meant. Indexing the first axis with a list of numbers picks "
            "entries of that axis, and the first axis is time.",
            "b": "An error comes only if an action's number is larger than the last row's. With "
            "two actions and a long episode nothing is ever raised.",
            "c": "`log_probs[actions]` is fancy indexing of axis 0. `gather`, or "
            "`log_probs[arange(T), actions]`, picks one element of each row.",
            "d": "No maximum is taken anywhere. What comes out depends on the actions' numbers, "
            "but only as row numbers.",
        },
    ),
    Question(
        name="exp_twice",
        right="a",
        explanations={
            "a": "log σ = −1 means σ = 0.37, but the actions are drawn with e^0.37 = 1.45: four "
            "times as wide. The score then belongs to a policy that never acted.",
            "b": "Monotone, but not the same: the policy that acts and the one whose "
            "log-probability is differentiated must be one and the same distribution.",
            "c": "An exponential is positive, and the exponential of a positive number is above "
            "1. Nothing stops; that is what makes it dangerous.",
            "d": "It does act more widely. But the estimate is an expectation under the policy of "
            "the formula, taken with samples of another: it is biased.",
        },
    ),
    Question(
        name="why_the_logarithm",
        right="b",
        explanations={
            "a": "With many presses the average tends to an expectation under π, that is, to a sum "
            "in which π stands once more: another vector.",
            "b": "Sampling already multiplies with π. Only ∇π/π = ∇log π gives Σ f ∇π back. Rare "
            "buttons would otherwise hardly be learned about.",
            "c": "Σ ∇π is zero, without f and without π in front. With them nothing cancels.",
            "d": "It is less noisy, and wrong: it tends to something that is not ∇J.",
        },
    ),
    Question(
        name="darts",
        right="d",
        explanations={
            "a": "The score function does not mind steps. A path does: it asks how f changes as "
            "the dart moves by a hair, and for nearly every dart it does not.",
            "b": "f has no slope, but its expectation has: move μ towards the ring, and more darts "
            "hit. An expectation is smoother than what it is taken of.",
            "c": "The other way round: the score function never differentiates f.",
            "d": "E[f] is smooth in μ, and the score function estimates its slope from hits and "
            "misses. The pathwise estimate moves the gradient inside the expectation, which a "
            "step does not allow: every sample says 0.",
        },
    ),
    Question(
        name="a_sentence",
        right="b",
        explanations={
            "a": "The network is differentiable, the choice of a token is not, and neither is the "
            "program. A path stops at the first of them.",
            "b": "Exactly REINFORCE, and in essence what lesson 12 does: tokens are actions, the "
            "program's verdict is the return.",
            "c": "The program would have to accept half a token of this and half of that, and to "
            "have a slope. It has neither.",
            "d": "Possible if you have right answers to imitate. The question gives you only a "
            "verdict on the model's own; that is what the score function is for.",
        },
    ),
)
