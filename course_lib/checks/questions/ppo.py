"""The concept questions of lesson 09."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="min_or_max",
        right="b",
        explanations={
            "a": "A minus in front of both terms would make a loss, but the slide has none. As "
            "printed, ρA is made small: good actions become rarer, and −β KL rewards running away.",
            "b": "ρA is a gain and β KL a price: gain minus price is to be *maximised*. The same "
            "holds for the clipped objective on the next slide. Code minimises, so a loss is the "
            "negative: −ρA + β KL.",
            "c": "The order is right: the states and actions are those of the policy that acted, "
            "so its divergence from the new one can be estimated from them, and PPO measures that "
            "one. Look at what is being asked of θ.",
            "d": "The ratio is right: the data come from π_old, so its probability stands below. "
            "Ask yourself what happens to an action with A > 0.",
        },
    ),
    Question(
        name="moved_the_wrong_way",
        right="d",
        explanations={
            "a": "The clipped *ratio* has no slope there, but the minimum does not choose it: "
            "compare −1.5 with −1.2.",
            "b": "ε bounds the interval and scales nothing. Which of −1.5 and −1.2 is smaller, and "
            "what is its slope?",
            "c": "Upwards would make a bad action likelier still. The advantage is negative.",
            "d": "min(−1.5, −1.2) is the first: the unclipped one, whose gradient is ρA = −1.5. "
            "This action should become rarer and became likelier, so it is called back, and the "
            "farther it has strayed the stronger.",
        },
    ),
    Question(
        name="first_minibatch",
        right="a",
        explanations={
            "a": "Before the first step π is π_old, so every ratio is 1, inside any interval, and "
            "∇ρ = ρ∇log π = ∇log π. What is new in PPO begins with the second step.",
            "b": "It limits where a ratio is when the gradient is taken, not where the step will "
            "lead. At the first step all ratios are 1.",
            "c": "Some samples will be past the clip soon, but none is yet: no parameter has moved "
            "since they were drawn.",
            "d": "At ratio 1 both branches of the minimum are equal, and so are their slopes: the "
            "gradient is A∇log π, not zero.",
        },
    ),
    Question(
        name="no_wall",
        right="c",
        explanations={
            "a": "It need not be. Each sample's objective is flat past 1 + ε, and flat does not "
            "mean forbidden.",
            "b": "A step along the gradient can end anywhere, with any size of ε. (And e^0.2 is "
            "1.22, not 1.7.)",
            "c": "Past the clip a sample falls silent; it does not push back. Other samples go on "
            "moving the weights that all states share, and one long step can jump far past the "
            "edge. So watch the KL as well, and stop the epochs if it grows.",
            "d": "For A < 0 too: there the ratio is called back from above, but nothing guarantees "
            "that it gets back in time.",
        },
    ),
    Question(
        name="reading_the_table",
        right="b",
        explanations={
            "a": "0.82 against 0.74 is the difference of two means of 21 trainings each, whose "
            "spread the table does not give. In our small version trainings of one row differ by "
            "far more than rows do.",
            "b": "The gap between −0.39 and everything else is of another size than the gaps among "
            "the rest. Which limit is best depends on tasks, settings and seeds.",
            "c": "The scale is set by the best result and by the random policy on each task. A "
            "score of −0.39 says that on average it was worse than random, not that returns were.",
            "d": "Two of the four fixed prices, 1 and 3, are level with the adaptive ones. "
            "Adapting saves you the search for β, that is its merit.",
        },
    ),
)
