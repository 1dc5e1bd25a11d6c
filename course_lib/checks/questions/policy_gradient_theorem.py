"""The explanations of lesson 04's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="lost_on_the_way",
        right="d",
        explanations={
            "a": "The sums over actions are in p(s → s', k, π) already: that is what π in it "
            "means.",
            "b": "The start is s, at the front of p(s → s', k, π); averaging over it comes last.",
            "c": "The rewards are in Q, which still stands at the end of the line.",
            "d": "Each step of the unrolling brings one γ. Without them every visit counts the "
            "same, and their sum over all k does not converge unless episodes end.",
        },
    ),
    Question(
        name="where_it_went",
        right="b",
        explanations={
            "a": "Nothing was neglected: theorem and autograd agree in all digits, and the picture "
            "at the top shows that the visits change by an amount that one sees.",
            "b": "Line 4 unrolls ∇V(s'), not V(s'): how the future changes is taken apart into "
            "what changes at each later step, and each of those terms has its own Q ∇π.",
            "c": "The rewards R(s, a) have no derivative: they hold no θ.",
            "d": "p(s'|s, a) does not depend on θ; how often s is visited does, through the "
            "actions that lead there.",
        },
    ),
    Question(
        name="a_rare_action",
        right="b",
        explanations={
            "a": "The direction is right, and the length is tiny: a step moves the logit by a "
            "thousandth of what the advantage would suggest.",
            "b": "That is why certain policies are hard to change, even without noise. A natural "
            "gradient (lesson 08) takes the factor out, entropy (lessons 05 and 10) keeps "
            "probabilities from becoming that small.",
            "c": "It is small, not zero: a softmax never reaches 0.",
            "d": "The advantage is large; it is multiplied by the probability.",
        },
    ),
    Question(
        name="why_dropped",
        right="a",
        explanations={
            "a": "γ is in practice a means against noise, while what one cares about is the whole "
            "episode. So Q is discounted and the visits are not: inconsistent, and useful.",
            "b": "It does: in the corridor the two point in opposite directions.",
            "c": "No variance becomes zero. Late steps with full weight add to it, if anything.",
            "d": "Q is the same in both. It is the weight of the *states* that differs.",
        },
    ),
    Question(
        name="old_q",
        right="c",
        explanations={
            "a": "That Q is not differentiated does not mean that any Q will do: the theorem needs "
            "that of the policy whose gradient is taken.",
            "b": "For the old policy's gradient the visits and ∇π would have to be the old ones, "
            "too. This is a mixture.",
            "c": "Small changes of the policy change Q little, so the direction stays good for a "
            "while. Trust regions make “a while” precise.",
            "d": "After a few small updates the old Q still ranks most actions rightly.",
        },
    ),
)
