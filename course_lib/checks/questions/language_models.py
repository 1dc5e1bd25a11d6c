"""The explanations of lesson 12's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="one_of_eight",
        right="b",
        explanations={
            "a": "That is the numerator. It is divided by the group's deviation, √(p(1 − p)) = "
            "0.33 for one in eight.",
            "b": "(1 − 1/8)/√(1/8 · 7/8) = 0.875/0.331 = √7 = 2.65, and minus that for the only "
            "wrong one. Dividing by the deviation makes nearly hopeless and nearly solved prompts "
            "weigh more than middling ones, which some later papers undo.",
            "c": "Only where half of the group is right. The deviation of rewards 0 and 1 is "
            "√(p(1 − p)), smaller the more a group agrees.",
            "d": "0.33 is the deviation, by which the distance to the mean is divided.",
        },
    ),
    Question(
        name="k1_as_a_loss",
        right="c",
        explanations={
            "a": "The divergence printed above was not 0: policy and reference differ.",
            "b": "The *values* have a positive mean, the divergence. It is the gradients' mean "
            "that vanishes, exactly and for every policy.",
            "c": "∇k₁ = ∇log π_θ, and E[∇log π] = 0 (lesson 01). The value of k₁ is a fine thing "
            "to plot, and useless as a penalty: lesson 05 had the same trap with the entropy.",
            "d": "The reference does not depend on θ: detaching it changes no gradient by θ.",
        },
    ),
    Question(
        name="wrong_at_length",
        right="a",
        explanations={
            "a": "−1/5 for each token of the short one, −1/50 for each of the long one. For right "
            "answers it is the other way round: short ones are rewarded more a token. Models "
            "trained like that write long when they are lost. A mean over all tokens avoids it.",
            "b": "That would be a sum over tokens. The mean within the answer divides by its "
            "length.",
            "c": "That would be a mean over all tokens of the batch. Within each answer first is "
            "what the formula says.",
            "d": "At the first step all ratios are 1 and nothing is clipped; the weights differ "
            "all the same.",
        },
    ),
    Question(
        name="cold_writing",
        right="b",
        explanations={
            "a": "The policy gradient is an expectation under the policy that is differentiated. "
            "Draw from another one, and the mean of score times reward is another number.",
            "b": "What wrote is π²/Z, sharper than π. E[∇log π] under it is not 0, so even the "
            "baseline is no longer free. Write at the temperature you train at, or weigh with "
            "the probabilities that really wrote (lesson 06).",
            "c": "Old and new log-probabilities are both those of π: the first ratio is 1. That is "
            "why nobody notices.",
            "d": "The variance does fall, as answers become alike; the mean changes as well.",
        },
    ),
    Question(
        name="is_dpo_one",
        right="b",
        explanations={
            "a": "REINFORCE has no critic either. GRPO draws answers from its policy and weighs "
            "their scores with rewards: a policy gradient.",
            "b": "It is maximum likelihood of a model of preferences; that the optimum is the same "
            "as that of a KL-regularised RL problem is the insight of the paper. Nothing is "
            "sampled from π_θ, so nothing of ∇E_π[r] is estimated.",
            "c": "DPO has no clip, and a clip does not decide: PPO is a policy gradient method.",
            "d": "Then supervised learning would be one as well. What defines them is the gradient "
            "of an expectation *under the policy*.",
        },
    ),
    Question(
        name="which_pairs",
        right="a",
        explanations={
            "a": "σ(β(h_l − h_w)) is the probability that the policy, as a reward model, gives to "
            "the *wrong* choice: near 1 for a pair it ranks wrongly, near 0 for one it has "
            "learned.",
            "b": "Length enters through the log-probabilities only; nothing divides or multiplies "
            "by it.",
            "c": "Each loss has the weight 1/B. Its gradient has a factor of its own, which falls "
            "as the pair is learned.",
            "d": "How likely an answer is does not matter, only how much likelier it has become "
            "since the reference, compared with the other one.",
        },
    ),
)
