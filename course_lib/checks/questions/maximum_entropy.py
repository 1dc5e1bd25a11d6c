"""The explanations of lesson 10's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="exponent",
        right="c",
        explanations={
            "a": "It is called a cost and is maximised all the same: the slide says argmax. The "
            "sign is right. Look at what λ does.",
            "b": "Normalising cannot repair it: p ∝ e^c and p ∝ e^{c/λ} are different "
            "distributions unless λ = 1. Try λ → 0: the maximum of c should come out.",
            "c": "c(x) − λ log p(x) − λ − μ = 0 for each x gives p ∝ e^{c/λ}: the larger λ, the "
            "flatter. Summed over x the line is one equation for many unknowns, and without μ "
            "nothing makes p sum to 1.",
            "d": "Then a large λ, a high price on certainty, would give the *sharpest* "
            "distribution. Solve c − λ log p − λ − μ = 0 for p.",
        },
    ),
    Question(
        name="never_arrives",
        right="b",
        explanations={
            "a": "A purely random walk would arrive after 200 steps on average. This agent stays "
            "away: look at what it is paid for.",
            "b": "Four even moves have log 4 = 1.39 nats, worth T log 4 a step, against a cost of "
            "1. Above T = 0.72 every step is a profit, and the goal ends the profit. The agent "
            "does what it was paid for.",
            "c": "It converges for every T > 0; the improvement theorem knows no limit on T.",
            "d": "The point at which a step pays for itself does not depend on γ: T log 4 = 1.",
        },
    ),
    Question(
        name="which_way",
        right="a",
        explanations={
            "a": "+∇D climbs the divergence: the policy gets as far from e^Q/Z as it can. The "
            "slide means a descent; then the line is right, with J a loss.",
            "b": "The divergence to e^Q/Z has no maximum there; climbing it drives π to a single "
            "action (from an even start the worst one), not to a soft policy.",
            "c": "Z does not depend on θ, so leaving it out changes no gradient, in either "
            "direction.",
            "d": "Without T the temperature is 1, and the target is soft. The trouble is the "
            "direction.",
        },
    ),
    Question(
        name="why_tanh",
        right="c",
        explanations={
            "a": "Clipping is faster, if anything. Ask what log π would be.",
            "b": "They reach ±1 exactly, and often: that is the trouble. It is tanh that only "
            "comes near.",
            "c": "All u beyond 1 give the same action. Its probability is positive, so there is no "
            "density there, no entropy to pay for, and ∂a/∂θ = 0: nothing pulls the policy back. "
            "(Lesson 05's Gaussian clips as well; it takes log π before the clip, which REINFORCE "
            "can live with.)",
            "d": "Smoothness is nice, but something breaks: try to write log π(a) at a = 1.",
        },
    ),
    Question(
        name="scaled_rewards",
        right="b",
        explanations={
            "a": "Entropy is in nats, rewards are in rewards, and T says what one is worth in the "
            "other. Scale one side and the exchange rate is wrong.",
            "b": "π* = e^{Q/T}/Z depends on Q/T only. A fixed T has to be scaled by hand, which is "
            "why the first SAC tuned the reward scale for every task. The learned one follows: its "
            "target is an entropy, which does not change with the units of reward.",
            "c": "With Q ten times larger and T ten times smaller, Q/T would be a hundred times "
            "larger: nearly greedy. And H̄ is a property of the policy, not of the rewards.",
            "d": "A fixed T would be worth a tenth of what it was: Q/T is ten times larger. The "
            "learned T gets there at any learning rate, sooner or later.",
        },
    ),
)
