"""The concept questions of lesson 06."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="never_tried",
        right="d",
        explanations={
            "a": "The ratio divides by b(a|s) of the actions that were *taken*. Restarting was "
            "never taken, so its zero never gets into a denominator. Nothing stops.",
            "b": "They cannot: their mean is E_b[π/b] = Σ π(a) over the actions that b takes, 0.9 "
            "here. What restarting would have led to is nowhere in the data.",
            "c": "More data would not help: however many shifts he works, no restart is among "
            "them. An error that no amount of data removes is a bias.",
            "d": "E_b[ρ f] sums over what b can do. Whatever π does beyond that is missing, and no "
            "number looks wrong; a mean ratio below 1 (0.9 after one step) is the only trace. "
            "Importance sampling needs b > 0 wherever π > 0.",
        },
    ),
    Question(
        name="reasonable_estimate",
        right="b",
        explanations={
            "a": "The number of shifts that count is not 1,000. Look at what their weights leave.",
            "b": "A weighted mean of returns lies between the smallest and the largest of them, "
            "whatever the weights are, so it cannot look absurd. With n_eff = 1.8 it is the "
            "return of one or two shifts.",
            "c": "The effective sample size says how much noise is left. It is no factor of the "
            "estimate.",
            "d": "The weighted estimate is biased for finite N: with one shift it gives what b "
            "earns. And decimals of one or two returns say nothing about a mean.",
        },
    ),
    Question(
        name="two_products",
        right="a",
        explanations={
            "a": "The action of step t is chosen once and needs one correction. Up to t in the "
            "first product, from t + 1 on in the second: together ρ_{0:t'}, as in "
            "∇ρ_{0:t'} r. As printed, the ratio of step t is squared.",
            "b": "Rewards before t do not depend on the action of step t, so they may be left out: "
            "that is causality, the point of the rearrangement.",
            "c": "A reward at t' depends on the action taken at t', so its ratio belongs there. "
            "Look at the other end of that product.",
            "d": "The data are those of θ, so θ stands below and θ' above: as printed. What comes "
            "too often in the data must count less.",
        },
    ),
    Question(
        name="which_bar",
        right="d",
        explanations={
            "a": "That is what a lower ρ̄ does. c̄ multiplies corrections v_{t+1} − V(s_{t+1}), and "
            "at the fixed point their mean is zero, whatever stands in front.",
            "b": "Neither bar touches how actions are chosen. They change targets of V.",
            "c": "None on where V comes to rest. But corrections from far ahead arrive later, and "
            "with less noise: you saw both in the picture.",
            "d": "c̄ says how far surprises travel back. Lower: each target leans on fewer steps, "
            "which is calmer and takes more updates. ρ̄ alone decides whose value is learned.",
        },
    ),
    Question(
        name="guaranteed_improvement",
        right="c",
        explanations={
            "a": "Their proof needs that each state can be improved without touching another; "
            "an erratum of theirs says so. The forks share a logit, and there it fails.",
            "b": "In a table it improves every state in which b has been: each state's part points "
            "towards actions with a larger Q, and that is policy improvement.",
            "c": "In a table it raises, state by state, the probability of actions that are better "
            "than average, and by the policy improvement theorem V grows everywhere. With shared "
            "parameters one state's gain is another's loss, and the weights decide: J_b may fall.",
            "d": "A constant factor changes the length of the step and not its direction.",
        },
    ),
)
