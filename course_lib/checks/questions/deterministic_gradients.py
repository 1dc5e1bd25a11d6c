"""The concept questions of lesson 07."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="what_the_theorem_leaves_out",
        right="c",
        explanations={
            "a": "They do depend on θ: another policy visits other states. In the derivation this "
            "dependence is not forgotten, it is unrolled, step by step, as in lesson 04.",
            "b": "Q does depend on θ, through every later action. Look where that part of the "
            "derivative went: into the same sum, one state further on.",
            "c": "∇V(s) = ∇μ(s) ∇_a Q + γ ∇V(s'): how the future depends on θ is the second term, "
            "and unrolling it visits s', s'', … with weights γ, γ². All of it ends in d^μ, so "
            "neither ∇d nor ∇Q is left to compute.",
            "d": "It is exact, for any θ at which the slopes exist. You saw four numbers agree to "
            "the last digit, far away from the best gain.",
        },
    ),
    Question(
        name="noise_of_both_gradients",
        right="b",
        explanations={
            "a": "The two have the same limit, that is why DPG is called the limit. But you saw "
            "the samples: a mean may stay calm while what it is a mean of does not.",
            "b": "The score is ε/σ: the same return is multiplied by a larger and larger number of "
            "random sign. A baseline takes the part Q(s, μ) out and leaves the slope, which does "
            "not grow; but one number out of many dimensions still has to be guessed from chance.",
            "c": "The other way round. A narrow policy tries nearly the same action again and "
            "again, and asks which of two nearly equal results was better.",
            "d": "The bias does shrink, with σ². The question is about the noise of a sample.",
        },
    ),
    Question(
        name="when_double_fails",
        right="d",
        explanations={
            "a": "DDPG's actor plays the part of the maximum, so there is one to correct: an actor "
            "that climbs a critic climbs its errors as well.",
            "b": "The target is one number a row in both. Continuous actions change how the best "
            "one is found, not whether it can be judged by another network.",
            "c": "The noise is for exploring. It is not in the target of DDPG at all.",
            "d": "Double Q-learning needs a judge whose errors are others. The slow copy is the "
            "learner of a little while ago, and the actor changes slowly: what one overrates, the "
            "other overrates too. You saw the bias come back as the correlation rises to 1. TD3 "
            "therefore trains two critics from different starts, and takes the smaller.",
        },
    ),
    Question(
        name="td3_delay",
        right="a",
        explanations={
            "a": "`t mod d` is a number, and a number counts as true where it is *not* 0. With "
            "d = 2 that happens to be every second step all the same, only the other ones; with "
            "d = 3 the actor would be updated in two steps of three. It must read t mod d = 0.",
            "b": "The smaller one it is: the larger would add both critics' errors upwards. Look "
            "at the line that decides *when* the actor learns.",
            "c": "The actor climbs one critic, and it does not matter which: they are alike. "
            "Climbing the smaller of both would be right as well, and is what SAC does.",
            "d": "The target network follows by τ of the way, with 1 − τ of itself kept. That line "
            "is as it should be.",
        },
    ),
    Question(
        name="baseline_that_sees_the_action",
        right="b",
        explanations={
            "a": "Lesson 03 measured it: a baseline that depends on the action has an expectation "
            "Σ_a π b ∇log π that is not 0. Leaving the second term out leaves that bias in.",
            "b": "What is subtracted under the score has the expectation ∇_a Q(s, μ) ∇μ, exactly, "
            "because Q̄ is linear in a and the policy is Gaussian around μ. That is known without "
            "sampling, so it is added again: no bias, however bad the critic.",
            "c": "A bad critic costs variance and no bias: what is taken away and what is given "
            "back are made of the same slope. You saw it with the critic whose slope was flipped.",
            "d": "The two terms estimate one gradient together. There are not two objectives.",
        },
    ),
)
