"""The explanations of lesson 00's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="two_ends",
        right="b",
        explanations={
            "a": "The *recording* is over in both cases. But the question is what the state is "
            "worth, and a pole that stands would have gone on earning.",
            "b": "A termination is a fact about the world, a truncation one about the observer. "
            "Who treats both alike teaches the agent that standing upright at step 500 is as bad "
            "as leaving the track.",
            "c": "The states before the last step are nearly the same. But one of them led out of "
            "the track, where nothing is earned any more; that the numbers are close does not "
            "make what follows close.",
            "d": "The clock belongs to the experiment, not to the cart: the state does not hold "
            "it, and the pole does not know it. What is still to come depends on the state.",
        },
    ),
    Question(
        name="hidden_velocity",
        right="c",
        explanations={
            "a": "The equations are deterministic in all four numbers. From two of them the next "
            "two cannot be computed: try to say where a pole at 2° will be in a moment.",
            "b": "What the agent can use does not decide what the world does. Markov asks whether "
            "the *next* observation depends on more than the present one, and it does.",
            "c": "The position and the angle of the step before would let you estimate the "
            "velocities, so the past holds something that the present does not: not Markov. Two "
            "observations together nearly are.",
            "d": "A random start is allowed: p(s₀) is part of every MDP. What counts is what "
            "follows from a state.",
        },
    ),
    Question(
        name="ten_times_surer",
        right="d",
        explanations={
            "a": "Ten times the episodes divide the *variance* of the mean by ten, and its error "
            "by √10 ≈ 3.2: you would get ± 6.",
            "b": "Twice the episodes divide the error by √2: ± 14.",
            "c": "The root is on the wrong side: the error falls with √n, so n grows with the "
            "square of the wanted precision.",
            "d": "The error is σ/√n: for a tenth of it, n must be a hundred times as large. That "
            "price is why so much of this course is about reducing σ itself.",
        },
    ),
    Question(
        name="visits_as_distribution",
        right="a",
        explanations={
            "a": "Draw states from the normalised (1 − γ)d^π and average f: you estimate (1 − γ) "
            "Σ d^π f. With γ = 0.99 that is a hundredth. As a direction for a gradient it does no "
            "harm, because a step size hides a factor; as a value it is wrong.",
            "b": "A weighted sum is an expectation if the weights sum to 1. These sum to "
            "1/(1 − γ): 10 with γ = 0.9.",
            "c": "Discounting makes late visits count less, and that is what was wanted: the "
            "return counts late rewards less too.",
            "d": "f here depends on the state alone. The sum over actions stands inside f where "
            "there is one.",
        },
    ),
    Question(
        name="twelve_joints",
        right="b",
        explanations={
            "a": "A network that takes s and a can learn Q for any action, continuous or not. "
            "Lesson 07 does that. It is *using* Q that is hard.",
            "b": "10¹² comparisons a step, or an optimisation inside every step. A policy network "
            "answers with one forward pass. (Lesson 07 trains such a network to find the maximum.)",
            "c": "They do, through the state that the joints bring about. And the reward is the "
            "same whichever method one uses.",
            "d": "A zero gradient may be a minimum, a saddle or one of many local maxima, and "
            "finding it takes an optimisation at every step of every episode.",
        },
    ),
)
