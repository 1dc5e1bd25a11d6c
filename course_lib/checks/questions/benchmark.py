"""The concept questions of lesson 13."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="what_cma_adds",
        right="c",
        explanations={
            "a": "It uses no gradient either: it sees parameters and scores, as CEM does, and of "
            "the scores only their order.",
            "b": "CEM has a spread for each parameter, too; look at the shape of your `std`.",
            "c": "CEM's Gaussian has a spread for each axis and no more, so its cloud cannot lie "
            "askew. CMA-ES learns the whole covariance, D(D + 1)/2 numbers, and a step size that "
            "grows while the steps agree in direction. In the narrow valley that is the "
            "difference; on a round hill it is worth little.",
            "d": "More samples would help either method. In the picture both had equally many, and "
            "CMA-ES needs fewer in a generation, not more.",
        },
    ),
    Question(
        name="shift_or_scale",
        right="b",
        explanations={
            "a": "The first friend is right, and the second is not: exp(10 R/T) is another weight "
            "than exp(R/T). Try it: returns 0 and 1, T = 1.",
            "b": "A constant comes out of the exponential as a common factor, and the sum divides "
            "it away: a baseline is built in. A factor of 10 is a temperature ten times lower. So "
            "T has to be in the returns' unit, which `rwr` sees to by measuring it in their "
            "standard deviations.",
            "c": "It is the other way round: adding cancels, multiplying does not.",
            "d": "The shift cancels: exp((R + 100)/T) = exp(100/T) · exp(R/T), for each episode "
            "the same factor. The scale does not.",
        },
    ),
    Question(
        name="what_epsilon_bounds",
        right="d",
        explanations={
            "a": "The regression follows the weights as well as network and gradient steps allow: "
            "it can stop short or overshoot. Nothing in the dual knows the network.",
            "b": "That is TRPO's bound, and it has a line search that measures it. Here no "
            "divergence of two *policies* is ever computed.",
            "c": "ε has the unit of a logarithm of probabilities, nats. It is not a number of "
            "points of return, and not a length in parameters.",
            "d": "The weights are a distribution over n samples, and KL(w ‖ even) ≤ ε is exact "
            "for it. What the policy becomes by imitating them is another matter; the ten gradient "
            "steps of the regression are the only limit there. TRPO bounds the policy itself.",
        },
    ),
    Question(
        name="bold_and_lower",
        right="a",
        explanations={
            "a": "Bold says *not significantly below the best*, here TRPO's 4,870. TNPG's spread "
            "is so large that five seeds cannot tell it from the best; REINFORCE's is so small "
            "that its smaller gap is significant. A wide spread is rewarded: bold is no praise, "
            "and plain is no defeat.",
            "b": "Then REINFORCE would be bold before TNPG is: it has the higher mean. The test "
            "also looks at the spread.",
            "c": "A low spread makes a mean *more* certain. That is why REINFORCE's small gap to "
            "the best counts as real.",
            "d": "All columns of that row have one unit, and means may be compared. It is the word "
            "*significantly* that makes the difference.",
        },
    ),
    Question(
        name="best_of_three",
        right="d",
        explanations={
            "a": "The same three seeds do not make two algorithms alike: a seed is a throw of the "
            "dice, and its effect on one algorithm says nothing about its effect on another.",
            "b": "A mean of three is a fair estimate of the mean; nothing is biased by taking few, "
            "as long as nobody chooses. What it lacks is certainty.",
            "c": "A median of three is the middle one of three throws, no more certain than their "
            "mean.",
            "d": "Each subset is a paper that might have been written. Where another draw of three "
            "gives another winner, the seeds were reported, not the algorithms. Report all seeds "
            "you trained, their spread, and the number of comparisons; and fix the seeds first.",
        },
    ),
    Question(
        name="a_costly_robot",
        right="b",
        explanations={
            "a": "PPO throws a batch away after a few epochs. At 200 steps a minute, the 20,000 "
            "and more that it takes on Pendulum are nearly two hours, SAC's 3,000 a quarter of an "
            "hour. PPO shines where steps are cheap and come in thousands at once.",
            "b": "Steps are what is dear here, computing is cheap, and actions are continuous: "
            "keep every step in a replay buffer and use it many times. Of these methods SAC also "
            "explores by itself. (A world model may need fewer steps still: lesson 11.)",
            "c": "A search needs an episode, better several, for each parameter vector it tries, "
            "and a network has thousands of parameters.",
            "d": "DQN takes the largest of finitely many values. Two joints with ten positions "
            "each are 100 actions already, and seven joints ten million.",
        },
    ),
)
