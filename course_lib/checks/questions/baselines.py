"""The explanations of lesson 03's concept questions; the questions stand in the lesson."""

from course_lib.checks.question import Question

QUESTIONS = (
    Question(
        name="usual_episode",
        right="b",
        explanations={
            "a": "There is no compromise: the expectation is exactly the same with and without the "
            "baseline. You have seen it to the last digit.",
            "b": "E[b ∇log π] = 0: pushing everything that is done up by the same amount changes "
            "nothing on average. Only what is better or worse than usual says where to go.",
            "c": "Nothing was lost that would have to come back: the episode's contribution with "
            "weight b averages to zero over all episodes that could have happened.",
            "d": "Clipping shortens gradients that are too long. It does not know which part of "
            "them is noise.",
        },
    ),
    Question(
        name="may_be_subtracted",
        right="c",
        explanations={
            "a": "Where the action led depends on the action: V(s_{t+1}) is a b(s, a) in disguise, "
            "and it takes away what the action changed.",
            "b": "Nearly. The own return is in that mean with a share of 1/N, so 1/N of the "
            "gradient is subtracted. The mean of the *others* is unbiased.",
            "c": "It was known before this action was drawn, so given the past it is a constant. A "
            "poor baseline, perhaps, and an unbiased one.",
            "d": "Known by then, and caused by the action. A baseline must be fixed *before* the "
            "action is drawn.",
        },
    ),
    Question(
        name="own_value",
        right="b",
        explanations={
            "a": "The line has another fixed point than the right one: nothing in it looks at the "
            "next state.",
            "b": "V = 1 + 0.99 V has one solution, V = 100. A pole that is about to fall would be "
            "worth as much as one that stands. The target must read V(s_{t+1}).",
            "c": "The loss is ½(1 + γV − V)², which is zero only at V = 100.",
            "d": "That would need a target without any bootstrap. Here γV is added to the reward.",
        },
    ),
    Question(
        name="nonsense_critic",
        right="b",
        explanations={
            "a": "The rewards are still those of this task. The critic is only subtracted.",
            "b": "Any function of the state may be subtracted. How much noise it leaves depends on "
            "how well it predicts; that it is unbiased does not.",
            "c": "Only a baseline that knows what each *action* brings could take the gradient "
            "away.",
            "d": "It would, if the critic's guess *replaced* rewards, as in the TD residual. In "
            '"advantage" all rewards are real.',
        },
    ),
    Question(
        name="which_gap",
        right="a",
        explanations={
            "a": "Same mean, less noise: more of each step goes in the right direction. Without V "
            "you would have to play more episodes for each update to get there as safely.",
            "b": "V earns nothing. What changes is how the same returns are weighed.",
            "c": "The expected gradient is the same in both; the runs would agree with infinitely "
            "many episodes an update.",
            "d": "The critic is trained in both runs, with the same settings; only the subtraction "
            "is switched off.",
        },
    ),
)
