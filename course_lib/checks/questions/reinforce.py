"""The explanations of lesson 02's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="gaussian_code",
        right="b",
        explanations={
            "a": "The constant ½ log 2π does not contain θ, so it cannot change a direction. And "
            "without the sum each dimension still gets its own right derivative; look at what the "
            "mean then divides by.",
            "b": "A constant has no gradient, so the value is off and the learning is not. The "
            "missing sum leaves (T, D): with the weight as (T, 1), the mean divides by D as well, "
            "a factor 1/D; with the weight as (T,), torch raises, or pairs the wrong numbers "
            "silently when T = D.",
            "c": "The value matters as soon as two log-probabilities meet, as in the ratios of "
            "lesson 09, and the shape matters at once: (T, D) times (T,) raises, or is silently "
            "wrong when T = D.",
            "d": "The pull that keeps σ from shrinking is the term log σ, and that one is there. "
            "½ log 2π is the same number whatever σ is.",
        },
    ),
    Question(
        name="own_actions",
        right="d",
        explanations={
            "a": "Frequent actions are made more likely more often, but each time by less: the "
            "score of a likely action is short. The two cancel exactly: Σ π ∇log π = Σ ∇π = ∇1.",
            "b": "No reward enters this loss, so nothing in it can know which episode was good. "
            "Long episodes do hold more actions, but each of them has an expected score of zero.",
            "c": "It is the gradient of the expected return in a world in which every episode "
            "earns 1. But every policy earns 1 there, so there is nothing to climb: it is zero.",
            "d": "E[∇log π] = Σ π ∇log π = Σ ∇π = ∇ 1 = 0. Imitating yourself teaches you nothing "
            "on average; a finite sample only adds noise. The next turn puts the return in front, "
            "and that changes everything.",
        },
    ),
    Question(
        name="unknown_environment",
        right="c",
        explanations={
            "a": "The robot's battery is random, and the formula held there to the last digit. "
            "Determinism is not needed.",
            "b": "Nothing was approximated: both sides of every line agreed to machine precision. "
            "And p(τ) does change with θ, only not through the environment's factors.",
            "c": "log p(τ) = log p(s₀) + Σ log π + Σ log p(s'|s, a), and only the middle sum holds "
            "θ. In the product itself every factor is multiplied by all others, so the environment "
            "could not be separated off; the logarithm separates it.",
            "d": "True, a reward given s and a does not depend on θ. But the question is about "
            "p(s'|s, a), which is a factor of p(τ): it drops out because a logarithm turned the "
            "product into a sum.",
        },
    ),
    Question(
        name="product_of_expectations",
        right="a",
        explanations={
            "a": "E[Σ ∇log π] is zero, as you saw with your own actions, so E[G] · E[Σ ∇log π] is "
            "zero whatever the returns are. All information sits in *which* score came with which "
            "return: the expectation must be of the product.",
            "b": "Noise is not the trouble: with more episodes it comes ever closer to zero, and "
            "the true gradient is not zero.",
            "c": "No factor can repair it: the product of the expectations is the zero vector, "
            "which has no direction.",
            "d": "They are anything but independent: the same actions decide both the score and "
            "the return. That dependence is what is being learned from.",
        },
    ),
    Question(
        name="past_rewards",
        right="b",
        explanations={
            "a": "They may be as large as you like, a million for instance, and the expectation is "
            "still the same. Size decides how much variance you save.",
            "b": "Once the past has happened its rewards are a constant c, and "
            "E[c ∇log π(a_t|s_t) | past] = c Σ ∇π = 0. The term has mean zero, so leaving it out "
            "removes noise and nothing else.",
            "c": "The action does depend on the past, through s_t. It is the other way round that "
            "there is no influence: the past does not depend on the action.",
            "d": "Your table says otherwise: the expectations of the first two forms agree in all "
            "digits. Only dropping γ^t changes the mean.",
        },
    ),
    Question(
        name="loss_as_progress",
        right="d",
        explanations={
            "a": "A flipped sign would make the pole fall sooner and sooner. The return is what "
            "tells you, and it rises.",
            "b": "Too large a step shows in returns that collapse. A growing loss is what longer "
            "episodes must give: Σ_t G_t (−log π_t) has more and larger terms.",
            "c": "More spread would raise −log π, and this number with it. It says nothing about "
            "whether spread is needed.",
            "d": "Each update has its own data, so this is a different function every time. Only "
            "its gradient, at the policy that made the data, means something. Judge a policy by "
            "its return.",
        },
    ),
    Question(
        name="million",
        right="c",
        explanations={
            "a": "A constant times the score has expectation zero, so the mean of the estimate is "
            "exactly what it was. It is what lies around the mean that changes.",
            "b": "Each step is larger, or would be without the clipping of long gradients. But it "
            "points at what was done, not at what was good.",
            "c": "The mean keeps its value and drowns: each update makes whatever happened to be "
            "done more likely, good or bad. A policy that has become certain that way has nothing "
            "left to compare.",
            "d": "An optimiser may change the length of the step. The *direction* is a sum of a "
            "small signal and a noise tens of thousands of times larger, and no rescaling parts "
            "them.",
        },
    ),
)
