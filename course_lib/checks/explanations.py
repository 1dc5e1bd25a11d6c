"""Explanations that more than one exercise gives, in the words the student reads."""

LOSS_SIGN = (
    "The sign is flipped. An optimiser goes downhill, and you want more of what brought reward: "
    "the loss is the negative of the objective, so it starts with a minus. As it stands, every "
    "step makes good actions rarer."
)
BROADCAST = (
    "Two tensors of shapes (T,) and (T, 1), or (N,) and (N, 1), met in a product, and torch made a "
    "square table of every element of one with every element of the other. No error is raised, and "
    "every action is paid for every step. Give both the same shape; print `.shape` before the "
    "product."
)
SUM_FOR_MEAN = (
    "A sum stands where a mean belongs, so the step grows with the size of the batch, and a "
    "learning rate that worked for one batch size fails for the next."
)
LOG_PROB_CUT = (
    "The value is right, but `log_prob` was cut from its graph, so the policy would never move. "
    "Only the weights are constants; `log_prob` must keep its gradient."
)
IN_PLACE = (
    "The value is right, but the function wrote into one of its inputs. Whoever uses that tensor "
    "next gets your intermediate result: work on a new tensor."
)
LARGER_CRITIC = (
    "The larger of the two critics is used. The actor looks for whatever a critic overrates; take "
    "the smaller."
)
AVERAGE_CRITIC = (
    "The two critics are averaged. Then half of an overestimate gets through; take the smaller."
)
